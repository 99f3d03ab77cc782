"""A line of the table: what is measured, the goal, what came out."""
from dataclasses import dataclass, field
from typing import Callable

from lab import Lab


@dataclass
class Result:
    """measured: the figure as text. met: None where there is no goal. notes: lines below the table. numbers: for who
    reckons with them, in the JSON."""

    measured: str
    met: bool | None = None
    notes: list[str] = field(default_factory=list)
    numbers: dict[str, float] = field(default_factory=dict)


@dataclass(frozen=True)
class Row:
    """is_long: run only when it is named, or all are wanted."""

    name: str
    what: str
    goal: str
    run: Callable[[Lab], Result]
    is_long: bool = False


def at_least(value: float, goal: float, *notes: str) -> Result:
    return Result(f"{value:.2f}", value >= goal, list(notes))


def at_most(value: float, goal: float, *notes: str) -> Result:
    return Result(f"{value:.2f}", value <= goal, list(notes))
