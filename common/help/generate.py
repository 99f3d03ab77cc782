"""Writes the man pages and the shell completion of programs from what their --help says.

usage: generate.py OUT SECTION:PROGRAM:FOLDER ...

FOLDER may hold NAME.h2m, which help2man takes for what --help does not tell; NAME is that of the page.
"""
import gzip
import os
import re
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

from help_text import commands_of, default_command_of, options_of

HERE = Path(__file__).parent


@dataclass(frozen=True)
class Page:
    section: str
    program: Path
    command: str
    folder: Path

    @property
    def name(self) -> str:
        return "-".join(word for word in (self.program.name, self.command) if word)


def include_of(page: Page, pages: list[Page]) -> str:
    """What the page has beside --help: its own text, and what to see also."""
    own = page.folder / f"{page.name}.h2m"
    name = f"[NAME]\n{page.name} \\- a command of {page.program.name}\n"
    others = ",\n".join(f".BR {other.name} ({other.section})" for other in pages if other != page)
    return f"{own.read_text() if own.exists() else name}\n[SEE ALSO]\n{others}\n"


def write_page(page: Page, pages: list[Page], out: Path) -> None:
    date = time.strftime("%Y-%m-%d", time.gmtime(int(os.environ.get("SOURCE_DATE_EPOCH", time.time()))))
    words = ["help2man", "--no-info", f"--section={page.section}", "--source=PlayReport", "--manual=PlayReport"]
    if page.command:
        words += [f"--help-option={page.command} --help", f"--version-option={page.command} --version"]
    with tempfile.NamedTemporaryFile("w", suffix=".h2m", encoding="utf-8") as include:
        include.write(include_of(page, pages))
        include.flush()
        text = subprocess.run([*words, f"--include={include.name}", page.program.resolve()],
                              stdout=subprocess.PIPE, check=True).stdout
    # It writes a month and a year, which no reader of dates takes.
    text = re.sub(rb'^(\.TH \S+ "\d") "[^"]*"', rb'\1 "%s"' % date.encode(), text, count=1, flags=re.M)
    (out / f"{page.name}.{page.section}.gz").write_bytes(gzip.compress(text, mtime=0))


def completion_rows(program: Path) -> str:
    """Lines of program, command, option and what it takes, "-" for nothing."""
    default = default_command_of(program)
    rows = [(command or "-", option) for command in commands_of(program) for option in options_of(program, command)]
    if default:
        rows += [(default, option) for option in options_of(program, "")]
    return "".join(f"{program.name} {command} {option.name} {option.takes or '-'}\n" for command, option in rows)


def write_completion(programs: list[Path], out: Path) -> None:
    rows = "".join(map(completion_rows, programs))
    for template in ("playreport.bash", "_playreport"):
        text = (HERE / template).read_text()
        assert text.count("@OPTIONS@\n") == 1, template
        (out / template).write_text(text.replace("@OPTIONS@\n", rows))


def main() -> None:
    out = Path(sys.argv[1])
    out.mkdir(parents=True, exist_ok=True)
    given = [(section, Path(program), Path(folder)) for section, program, folder in
             (word.split(":") for word in sys.argv[2:])]
    pages = [Page(section, program, command, folder) for section, program, folder in given
             for command in commands_of(program)]
    for page in pages:
        write_page(page, pages, out)
    write_completion([program for _, program, _ in given], out)


if __name__ == "__main__":
    main()
