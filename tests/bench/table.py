"""The table of a run, and the same as JSON."""
import json
import time
from pathlib import Path
from typing import TextIO

from row import Result, Row

HEAD = ("row", "what", "goal", "measured", "", "the command that prints it")


def word(result: Result) -> str:
    return {True: "met", False: "NOT MET", None: ""}[result.met]


def print_table(rows: list[tuple[Row, Result]], facts: list[str], out: TextIO) -> None:
    for fact in facts:
        print(fact, file=out)
    cells = [HEAD, *((row.name, row.what, row.goal, result.measured, word(result), f"make bench ROW={row.name}")
                     for row, result in rows)]
    widths = [max(len(line[i]) for line in cells) for i in range(len(HEAD))]
    print(file=out)
    for line in cells:
        print("  ".join(text.ljust(width) for text, width in zip(line, widths)).rstrip(), file=out)
    for row, result in rows:
        for note in result.notes:
            print(f"  {row.name}: {note}", file=out)


def write_json(rows: list[tuple[Row, Result]], facts: list[str], file: Path) -> None:
    """One file a run, so that earlier ones can be compared with."""
    file.write_text(json.dumps({
        "at": int(time.time()),
        "facts": facts,
        "rows": [{"row": row.name, "goal": row.goal, "measured": result.measured, "met": result.met,
                  "notes": result.notes, "numbers": result.numbers} for row, result in rows]}, indent=1) + "\n", encoding="utf-8")
