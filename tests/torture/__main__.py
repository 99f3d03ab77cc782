"""The torture driver: sends numbered reports, lets something break, compares topic and store with what was promised."""
import argparse
import fcntl
import shutil
import signal
import sys
import threading
import time
import traceback
from pathlib import Path
from typing import TextIO

sys.path.insert(1, str(Path(__file__).resolve().parents[1] / "integration"))

from abuse.table import print_abuse  # noqa: E402
from broker import BUILD  # noqa: E402
from lab import Brokers, Lab  # noqa: E402
from progress import Progress  # noqa: E402
from results import Line, Results, print_end, print_table, verdict  # noqa: E402
from rows import ROWS, Row  # noqa: E402

STRETCH_S = 540


def read_options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="make torture", description=__doc__)
    parser.add_argument("--list", action="store_true", help="the rows, and no more (LIST=1)")
    parser.add_argument("--row", default="", help="names with commas between them; default all (ROW=)")
    parser.add_argument("--count", type=int, help="so many times more each; default what is missing (COUNT=)")
    parser.add_argument("--fresh", action="store_true", help="forget what these rows have come to (FRESH=1)")
    parser.add_argument("--short", action="store_true", help="the form of make test: a few times each, from fresh")
    parser.add_argument("--folder", type=Path, default=BUILD / "torture", help="for results and work")
    return parser.parse_args()


def lock(folder: Path) -> TextIO:
    """Two runs on one folder would take each other's files away."""
    folder.mkdir(parents=True, exist_ok=True)
    held = open(folder / "lock", "w", encoding="ascii")
    try:
        fcntl.flock(held, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        print(f"torture: another run is at work in {folder}", file=sys.stderr)
        sys.exit(2)
    return held


def choose(names: str) -> list[Row]:
    known = {row.name: row for row in ROWS}
    wanted = [name for name in names.split(",") if name]
    unknown = [name for name in wanted if name not in known]
    if unknown:
        print(f"torture: no row {', '.join(unknown)}; --list names them", file=sys.stderr)
        sys.exit(2)
    return [known[name] for name in wanted] if wanted else list(ROWS)


def print_list() -> None:
    for row in ROWS:
        times = "all" if row.times > 1000 else row.times
        print(f"{row.name:22} {times:>4}  {row.what}")


def run_row(row: Row, lab: Lab) -> None:
    log = lab.folder.parent / f"{row.name}.error"
    log.unlink(missing_ok=True)
    try:
        row.run(lab)
    except Exception as error:  # pylint: disable=broad-except; the other rows go on
        lab.progress.clear()
        log.write_text(traceback.format_exc())
        why = (str(error).splitlines() or [""])[0][:200]
        lab.results.add(Line(row.name, error=f"{type(error).__name__}: {why}", trace=traceback.format_exc(),
                             notes=[f"see {log}"]))


def missing(row: Row, sums: dict[str, Line], options: argparse.Namespace) -> int:
    line = sums.get(row.name, Line(row.name))
    wanted = row.short if options.short else line.wanted or row.times
    return options.count or wanted - line.times


def run_rows(rows: list[Row], results: Results, options: argparse.Namespace, progress: Progress) -> None:
    work = options.folder / ("work-short" if options.short else "work")
    work.mkdir(parents=True, exist_ok=True)
    brokers = Brokers(work / "brokers")
    shutil.rmtree(brokers.folder, ignore_errors=True)  # a run that was killed may have left it
    beside: list[threading.Thread] = []

    def begin(row: Row) -> None:
        sums = results.sums()
        count = missing(row, sums, options)
        if count > 0:
            done = sums[row.name].times if row.name in sums else 0
            run_row(row, Lab(row.name, work / row.name, brokers, results, progress, count, done,
                             time.monotonic() + STRETCH_S, options.short))

    try:
        if options.short:
            # It has a broker of its own and mostly waits: beside the others it costs no time.
            beside = [threading.Thread(target=begin, args=(row,), daemon=True) for row in rows if row.is_long]
            rows = [row for row in rows if not row.is_long]
        for thread in beside:
            thread.start()
        if options.short and not options.row:
            brokers.start_ahead()
        for row in rows:
            begin(row)
        for thread in beside:
            thread.join()
    finally:
        brokers.close()
        shutil.rmtree(brokers.folder, ignore_errors=True)
        progress.clear()


def print_results(rows: list[Row], results: Results, short: bool) -> bool:
    """Prints the table; True when no row failed."""
    sums = results.sums()
    table = []
    for row in rows:
        line = sums.get(row.name, Line(row.name))
        wanted = row.short if short else line.wanted or row.times
        hopes = [name for name in row.needs if short and name in row.luck]  # a long run is long enough for it
        needs = [name for name in row.needs if name not in hopes]
        table.append((line, verdict(line, needs, hopes, wanted)))
    abuse = [(line, word) for row, (line, word) in zip(rows, table) if row.is_abuse]
    faults = [(line, word) for row, (line, word) in zip(rows, table) if not row.is_abuse]
    if faults:
        print_table(faults, sys.stdout)
    if abuse:
        print_abuse(abuse, sys.stdout)
    print_end(table, sys.stdout)
    return not any(word.startswith("FAILED") for _, word in table)


def main() -> int:
    options = read_options()
    if options.list:
        print_list()
        return 0
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # so that brokers are ended too
    rows = [row for row in choose(options.row) if row.short or not options.short]
    held = lock(options.folder)
    results = Results(options.folder / ("short.jsonl" if options.short else "results.jsonl"))
    if options.fresh or options.short:
        results.forget({row.name for row in rows})
    try:
        run_rows(rows, results, options, Progress())
    except KeyboardInterrupt:
        print("torture: interrupted; the next run goes on from here", file=sys.stderr)
        print_results(rows, results, options.short)
        return 130
    finally:
        held.close()
    return 0 if print_results(rows, results, options.short) else 1


if __name__ == "__main__":
    sys.exit(main())
