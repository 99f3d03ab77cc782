"""The table of the abuse runs: a line a run."""
from typing import TextIO

from results import Line, print_cells

HEAD = ("abuse", "what was done", "good client", "errors", "p50 ms", "p99 ms", "RssAnon MiB before", "peak", "after",
        "fds before", "after", "")
LEFT = (0, 1, len(HEAD) - 1)


def cells_of(line: Line, word: str) -> list[tuple[str, ...]]:
    if not line.abuse:
        return [(line.row, *[""] * (len(HEAD) - 2), word)]
    return [(line.row, run["did"], f"{run['requests']:,}", f"{run['errors']:,}", f"{run['p50_ms']:.1f}",
             f"{run['p99_ms']:.1f}", f"{run['rss_before']:.1f}", f"{run['rss_peak']:.1f}", f"{run['rss_after']:.1f}",
             str(run["fds_before"]), str(run["fds_after"]),
             "FAILED: " + "; ".join(run["faults"]) if run["faults"] else "ok") for run in line.abuse]


def print_abuse(rows: list[tuple[Line, str]], out: TextIO) -> None:
    print_cells([HEAD, *(cells for line, word in rows for cells in cells_of(line, word))], LEFT, out)
    for line, _ in rows:
        for note in line.notes:
            print(f"  {line.row}: {note}", file=out)
