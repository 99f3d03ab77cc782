"""Orders for the library that lets a daemon's calls fail (faults.c): a page that both map."""
import mmap
import struct
from pathlib import Path

from broker import BUILD

LIBRARY = BUILD / "playreport-faults.so"
FIELDS = ("write_errno", "sync_errno", "every", "late", "kill_write", "kill_commit", "fatal", "calls", "hits")


class Orders:
    """One page per daemon. `path` is a part of the paths of the files that may fail."""

    def __init__(self, file: Path, path: str) -> None:
        if not LIBRARY.exists():
            raise RuntimeError(f"{LIBRARY} is missing: build without a sanitizer")
        file.write_bytes(bytes(4 * len(FIELDS)))
        self._file = open(file, "r+b")
        self._page = mmap.mmap(self._file.fileno(), 4 * len(FIELDS))
        self.environment = {
            "LD_PRELOAD": str(LIBRARY),
            "TORTURE_PAGE": str(file),
            "TORTURE_PATH": path,
        }

    def set(self, **values: int) -> None:
        for name, value in values.items():
            struct.pack_into("<I", self._page, 4 * FIELDS.index(name), value)

    def clear(self) -> None:
        """All works again; what was counted stays."""
        self.set(**{name: 0 for name in FIELDS if name not in ("calls", "hits")})

    def get(self, name: str) -> int:
        return struct.unpack_from("<I", self._page, 4 * FIELDS.index(name))[0]
