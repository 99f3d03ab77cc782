"""The benchmark's driver: its figures are no test's business, that it runs is."""
import subprocess

from daemons import ROOT


def bench(*words):
    return subprocess.run(["/usr/bin/python3", str(ROOT / "tests/bench"), *map(str, words)], capture_output=True,
                          text=True, check=False)


def test_list_names_each_row_once():
    names = [line.split()[0] for line in bench("--list").stdout.splitlines()]
    assert "get-cpu" in names
    assert len(names) == len(set(names))


def test_a_row_prints_its_goal_and_the_command_that_prints_it(tmp_path):
    done = bench("--row", "decode", "--count", 2, "--folder", tmp_path)
    assert done.returncode == 0, done.stderr
    line = next(line for line in done.stdout.splitlines() if line.startswith("decode "))
    assert ">= 4" in line
    assert line.endswith("make bench ROW=decode")


def test_a_row_that_does_not_exist_is_refused():
    done = bench("--row", "decode,no-such-row")
    assert done.returncode == 2
    assert "no row no-such-row" in done.stderr
