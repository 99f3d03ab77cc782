"""How fast it is: each goal measured side by side with what it is measured against."""
import argparse
import fcntl
import signal
import sys
import time
import traceback
from pathlib import Path
from typing import TextIO

sys.path.insert(1, str(Path(__file__).resolve().parents[1] / "integration"))

from broker import BUILD  # noqa: E402
from lab import Lab  # noqa: E402
from machine import facts  # noqa: E402
from row import Result, Row  # noqa: E402
from rows import ROWS  # noqa: E402
from table import print_table, write_json  # noqa: E402


def read_options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="make bench", description=__doc__)
    parser.add_argument("--list", action="store_true", help="the rows, and no more (LIST=1)")
    parser.add_argument("--row", default="", help="names with commas between them; default all but the long (ROW=)")
    parser.add_argument("--count", type=int, default=5, help="rounds of each measurement (COUNT=)")
    parser.add_argument("--time", type=float, default=3, help="seconds of a round (TIME=)")
    parser.add_argument("--long", action="store_true", help="the long rows too (LONG=1)")
    parser.add_argument("--folder", type=Path, default=BUILD / "bench", help="for results and work")
    return parser.parse_args()


def lock(folder: Path) -> TextIO:
    """Two runs would measure each other."""
    folder.mkdir(parents=True, exist_ok=True)
    held = open(folder / "lock", "w", encoding="ascii")
    try:
        fcntl.flock(held, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        print(f"bench: another run is at work in {folder}", file=sys.stderr)
        sys.exit(2)
    return held


def choose(names: str, with_long: bool) -> list[Row]:
    known = {row.name: row for row in ROWS}
    wanted = [name for name in names.split(",") if name]
    unknown = [name for name in wanted if name not in known]
    if unknown:
        print(f"bench: no row {', '.join(unknown)}; --list names them", file=sys.stderr)
        sys.exit(2)
    if wanted:
        return [known[name] for name in wanted]
    return [row for row in ROWS if with_long or not row.is_long]


def print_list() -> None:
    for row in ROWS:
        print(f"{row.name:15} {row.goal:26} {row.what}{' (long)' if row.is_long else ''}")


def run_row(row: Row, lab: Lab, log: Path) -> Result:
    """A row that fails says so in the table; the others go on."""
    try:
        return row.run(lab)
    except Exception as error:  # pylint: disable=broad-except
        with open(log, "a", encoding="utf-8") as out:
            out.write(f"{row.name}:\n{traceback.format_exc()}\n")
        why = (str(error).splitlines() or [""])[0][:160]
        return Result("FAILED", None, [f"{type(error).__name__}: {why}; see {log}"])


def main() -> int:
    options = read_options()
    if options.list:
        print_list()
        return 0
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # so that servers and brokers are ended too
    rows = choose(options.row, options.long)
    held = lock(options.folder)
    lab = Lab(options.folder / "work", options.count, options.time)
    results: list[tuple[Row, Result]] = []
    try:
        for row in rows:
            results.append((row, run_row(row, lab, options.folder / "errors.log")))
    except KeyboardInterrupt:
        print("bench: interrupted", file=sys.stderr)
    finally:
        lab.say("")
        lab.close()
        held.close()
    about = facts() + [f"medians of {options.count} interleaved rounds of {options.time:g} s"]
    print_table(results, about, sys.stdout)
    write_json(results, about, options.folder / f"result-{time.strftime('%Y%m%d-%H%M%S')}.json")
    return 1 if any(result.measured == "FAILED" for _, result in results) or len(results) < len(rows) else 0


if __name__ == "__main__":
    sys.exit(main())
