"""What came out, as JSON lines that add up, and the table made of them."""
import json
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Iterable, TextIO

NUMBERS = ("times", "acknowledged", "in_topic", "counted", "lost", "twice", "sent_again", "dropped", "bites")


@dataclass
class Line:
    """A stretch of a row. bites: how often the fault was seen to have hit something in flight."""

    row: str
    times: int = 0
    acknowledged: int = 0
    in_topic: int = 0
    counted: int = 0
    lost: int = 0
    twice: int = 0
    sent_again: int = 0
    dropped: int = 0
    bites: int = 0
    wanted: int = 0  # of a row that only learns from what it finds how many there are
    seconds: float = 0
    abuse: list[dict] = field(default_factory=list)  # of rows that have a table of their own
    error: str = ""
    trace: str = ""  # of an error that nobody foresaw
    notes: list[str] = field(default_factory=list)


class Results:
    def __init__(self, file: Path) -> None:
        self.file = file
        file.parent.mkdir(parents=True, exist_ok=True)

    def forget(self, rows: set[str]) -> None:
        """These rows begin anew."""
        if self.file.exists():
            lines = self.file.read_text(encoding="utf-8").splitlines(keepends=True)
            self.file.write_text("".join(line for line in lines if json.loads(line)["row"] not in rows), "utf-8")

    def add(self, line: Line) -> None:
        with open(self.file, "a", encoding="utf-8") as out:
            out.write(json.dumps(asdict(line)) + "\n")

    def sums(self) -> dict[str, Line]:
        """The lines of each row added up."""
        sums: dict[str, Line] = {}
        if self.file.exists():
            for text in self.file.read_text(encoding="utf-8").splitlines():
                one = json.loads(text)
                row = sums.setdefault(one["row"], Line(one["row"]))
                for name in NUMBERS:
                    setattr(row, name, getattr(row, name) + one[name])
                row.wanted = max(row.wanted, one["wanted"])
                row.seconds += one["seconds"]
                row.abuse += one.get("abuse", [])
                row.error = row.error or one["error"]
                row.trace = row.trace or one.get("trace", "")
                row.notes += [note for note in one["notes"] if note not in row.notes]
        return sums


def missing_bites(line: Line, figures: Iterable[str]) -> str:
    """Their names with commas between them."""
    return ", ".join(name for name in figures
                     if (2 * line.bites < line.times if name == "bites" else not getattr(line, name)))


def verdict(line: Line, needs: Iterable[str], hopes: Iterable[str], wanted: int) -> str:
    """hopes: figures whose want is told and is no failure."""
    wrong = [f"{getattr(line, name):,} {name}" for name in ("lost", "twice") if getattr(line, name)]
    wrong += [line.error] if line.error else []
    if wrong:
        return f"FAILED: {'; '.join(wrong)}"
    if not line.times:
        return "not done yet"
    if weak := missing_bites(line, needs):
        return f"FAILED: did not bite ({weak})"
    if line.times < wanted:
        return f"ok, {line.times} of {wanted}"
    weak = missing_bites(line, hopes)
    return f"ok, but without {weak}" if weak else "ok"


HEAD = ("fault", "times", "acknowledged", "in topic", "counted", "lost", "twice", "sent again", "repeats dropped", "")


def print_cells(cells: list[tuple[str, ...]], left: Iterable[int], out: TextIO) -> None:
    """Columns as wide as they must be; left: those of words, the others are of numbers."""
    widths = [max(len(row[i]) for row in cells) for i in range(len(cells[0]))]
    for row in cells:
        texts = [text.ljust(w) if i in left else text.rjust(w) for i, (text, w) in enumerate(zip(row, widths))]
        print("  ".join(texts).rstrip(), file=out)


def print_end(rows: list[tuple[Line, str]], out: TextIO) -> None:
    """What failed and what did not end, so that the last lines of a long log tell it."""
    failed = [(line, word) for line, word in rows if word.startswith("FAILED")]
    for line, _ in failed:
        if line.trace:
            print(f"--- {line.row}\n{line.trace.rstrip()}\n---", file=out)
    for line, word in rows:
        if word == "not done yet" or " of " in word and word.startswith("ok, "):
            print(f"DID NOT END {line.row}: {word}", file=out)
    for line, word in failed:
        print(f"FAILED {line.row}: {word.removeprefix('FAILED: ')}", file=out)


def print_table(rows: list[tuple[Line, str]], out: TextIO) -> None:
    cells = [HEAD]
    for line, word in rows:
        cells.append((line.row, *(f"{getattr(line, name):,}" for name in NUMBERS[:-1]), word))
    print_cells(cells, (0, len(HEAD) - 1), out)
    for line, _ in rows:
        for note in line.notes:
            print(f"  {line.row}: {note}", file=out)
