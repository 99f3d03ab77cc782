"""What a program's --help tells of it: its commands, and the options of each."""
import re
import subprocess
from dataclasses import dataclass
from pathlib import Path

WORD = re.compile(r"[A-Z][A-Z:]*")


@dataclass(frozen=True)
class Option:
    """takes: "" for a flag alone, "a|b" for a choice, "kafka" for a family of options, else any value."""

    name: str
    takes: str


def text_of(program: Path, command: str, flag: str = "--help") -> str:
    words = [program, *([command] if command else []), flag]
    return subprocess.run(words, capture_output=True, text=True, check=True).stdout


def commands_of(program: Path) -> list[str]:
    """"" for the program alone, then what its usage names, as report."""
    words = [re.match(r"([a-z]+)(?: |$)", line) for line in _usage(text_of(program, ""), program.name)]
    return ["", *dict.fromkeys(word[1] for word in words if word)]


def default_command_of(program: Path) -> str:
    """The one that its usage has in brackets, or "": what it does without any."""
    words = [re.match(r"\[([a-z]+)\]", line) for line in _usage(text_of(program, ""), program.name)]
    return next((word[1] for word in words if word), "")


def _usage(text: str, name: str) -> list[str]:
    return re.findall(rf"^(?:Usage:|  or: |      ) {name} (.*)", text, re.M)


def _of_table(line: str) -> Option:
    """A row of the table: --name default takes unit; a name in capitals stands for the user's own."""
    name, _, takes, *_ = [*line.split(), "", ""]
    return Option(name, takes if "|" in takes else "value")


def _of_list(line: str) -> list[Option]:
    """A line of prose: --name, --name WORD, --name=WORD, or several with commas between them."""
    found = []
    for name, value in re.findall(r"(--[a-z][\w.-]*(?:NAME)?)(?:[ =]([A-Z][A-Z:]*)\b)?", line.split("   ")[0]):
        is_family = name.endswith(".NAME")
        found.append(Option(name.removesuffix("NAME"), "kafka" if is_family else "value" if value else ""))
    return found


def options_of(program: Path, command: str) -> list[Option]:
    text = text_of(program, command)
    found, in_table = [], False
    for line in text.splitlines():
        if re.match(r"  option +default +takes", line):
            in_table = True
        elif not line.strip():
            in_table = False
        elif line.startswith("  --"):
            found += [_of_table(line)] if in_table else _of_list(line)
    for word in re.findall(r"\[(--[^\]]+)\]", "\n".join(_usage(text, program.name))):
        found += _of_list(word) if not word.startswith("--name=") else []
    return list({option.name: option for option in reversed(found)}.values())[::-1]
