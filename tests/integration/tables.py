"""Runs tests and writes what they show into README.md beside this file, each table between marks of its own."""
import subprocess
import sys
import tempfile
import xml.etree.ElementTree as xml
from pathlib import Path

FOLDER = Path(__file__).resolve().parent
README = FOLDER / "README.md"
END = "<!-- to here -->"


def run(*files):
    """Each test's name and its properties; ends the program when one fails."""
    with tempfile.NamedTemporaryFile(suffix=".xml") as report:
        words = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-o", "junit_family=xunit1",
                 f"--junitxml={report.name}", *files]
        if subprocess.run(words, cwd=FOLDER, check=False).returncode:
            sys.exit("nothing is written, as a test failed")
        return [(test.get("name"), {own.get("name"): own.get("value") for own in test.iter("property")})
                for test in xml.parse(report.name).iter("testcase")]


def words_of(name):
    name, _, case = name.partition("[")
    return name.removeprefix("test_").replace("_", " ") + (f", {case[:-1]}" if case else "")


def begin_of(program):
    return f"<!-- {program} writes from here -->"


def read(program):
    """What stands between the marks of a program."""
    return README.read_text(encoding="utf-8").partition(begin_of(program))[2].partition(END)[0]


def write(program, text):
    before, begin, rest = README.read_text(encoding="utf-8").partition(begin_of(program))
    README.write_text(f"{before}{begin}\n{text}\n{END}{rest.partition(END)[2]}", encoding="utf-8")
