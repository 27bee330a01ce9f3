"""Finding: the result of one check, with a remedy if something is wrong."""

from dataclasses import dataclass
from enum import StrEnum


class State(StrEnum):
    OK = "ok"
    #: The gateway can race, but this needs attention.
    WARNING = "warning"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class Finding:
    """The result of one check, in a sentence; `remedy` is empty if there is nothing to do."""

    name: str
    state: State
    what: str
    remedy: str = ""


def ok(name: str, what: str) -> Finding:
    """Return a Finding without a problem."""
    return Finding(name, State.OK, what)


def warning(name: str, what: str, remedy: str) -> Finding:
    """Return a Finding of a problem that does not prevent a race."""
    return Finding(name, State.WARNING, what, remedy)


def failed(name: str, what: str, remedy: str = "") -> Finding:
    """Return a Finding of a failure; `remedy` may be empty if `what` names what was expected."""
    return Finding(name, State.FAILED, what, remedy)
