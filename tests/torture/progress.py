"""One line on a terminal that says what is being done; nothing elsewhere."""
import sys
import time


class Progress:
    def __init__(self) -> None:
        self._shown = sys.stderr.isatty()
        self._began = time.monotonic()

    def say(self, text: str) -> None:
        if self._shown:
            print(f"\r\033[K{time.monotonic() - self._began:5.0f} s  {text}"[:160], end="", file=sys.stderr, flush=True)

    def clear(self) -> None:
        if self._shown:
            print("\r\033[K", end="", file=sys.stderr, flush=True)
