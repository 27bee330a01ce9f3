"""What one check has found: that it is well, or what is wrong and what to do."""

from dataclasses import dataclass
from enum import StrEnum


class State(StrEnum):
    OK = "ok"
    #: It races, but somebody should look after it.
    WARNING = "warning"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class Finding:
    """`what` is a sentence; `remedy` what to do about it, empty when there is nothing to do."""

    name: str
    state: State
    what: str
    remedy: str = ""


def ok(name: str, what: str) -> Finding:
    return Finding(name, State.OK, what)


def warning(name: str, what: str, remedy: str) -> Finding:
    return Finding(name, State.WARNING, what, remedy)


def failed(name: str, what: str, remedy: str = "") -> Finding:
    """`remedy` is left out where `what` says what was expected."""
    return Finding(name, State.FAILED, what, remedy)
