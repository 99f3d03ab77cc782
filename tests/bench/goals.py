"""Writes the goals and what runs of make bench measured into README.md beside this file, between its marks.

    /usr/bin/python3 tests/bench/goals.py build/bench/result-*.json

Of several files the last one that has a row counts; each row says of when and of which commit it is."""
import json
import sys
from pathlib import Path

README = Path(__file__).with_name("README.md")
BEGIN, END = "<!-- goals.py writes from here -->", "<!-- to here -->"


def measured(files: list[Path]) -> tuple[dict[str, dict], list[str]]:
    found: dict[str, dict] = {}
    facts: list[str] = []
    for file in files:
        run = json.loads(file.read_text(encoding="utf-8"))
        facts = run["facts"]
        found.update({row["row"]: {**row, "run": run["facts"][0]} for row in run["rows"]})
    return found, facts


def table(found: dict[str, dict], rows: tuple) -> list[str]:
    lines = ["| row | what | goal | measured | | run |", "|---|---|---|---|---|---|"]
    for row in rows:
        if one := found.get(row.name):
            verdict = {True: "met", False: "not met", None: ""}[one["met"]]
            lines.append(f"| {row.name} | {row.what} | {row.goal} | {one['measured']} | {verdict} | {one['run']} |")
        else:
            lines.append(f"| {row.name} | {row.what} | {row.goal} | not run | | |")
    return lines


def main() -> int:
    sys.path.insert(1, str(Path(__file__).resolve().parents[1] / "integration"))
    from rows import ROWS  # as it needs the path

    files = sorted(map(Path, sys.argv[1:]))
    if not files:
        print(__doc__, file=sys.stderr)
        return 2
    found, facts = measured(files)
    text = [*(f"    {fact}" for fact in facts), "", *table(found, ROWS), "", "What the rows say beside:", ""]
    text += [f"- {name}: {note}" for name, one in found.items() for note in one["notes"]]
    before, _, rest = README.read_text(encoding="utf-8").partition(BEGIN)
    README.write_text("\n".join([before + BEGIN, "", *text, "", END]) + rest.partition(END)[2], encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
