"""Uplink: the contract between the Publisher and whatever carries a message to the cloud."""

from dataclasses import dataclass
from enum import Enum
from typing import Protocol


class CredentialsError(Exception):
    """Certificates or key cannot be used. The text names the files and the reason."""


class Verdict(Enum):
    """What an answer means for the message that was sent."""

    ACCEPTED = "accepted"  # the broker has it: forget it
    RETRY = "retry"  # nothing wrong with the message: send it again
    REFUSED = "refused"  # the broker does not want this message: a strike against it


@dataclass(frozen=True, slots=True)
class Answer:
    verdict: Verdict
    reason: str = ""


class UplinkListener(Protocol):
    """Who hears of it. Called on the event loop, never from within `Uplink.publish`."""

    def on_up(self) -> None: ...

    def on_down(self, reason: str) -> None:
        """Not connected, for `reason`; called again when the reason changes."""
        ...

    def on_answer(self, ticket: int, answer: Answer) -> None: ...


class Uplink(Protocol):
    """Keeps itself connected from `start` to `stop`, with back-off and jitter."""

    def start(self, listener: UplinkListener) -> None: ...

    def publish(self, ticket: int, payload: bytes) -> None:
        """Send; exactly one answer for `ticket` follows, however the connection ends.

        When the connection breaks, the open tickets are answered RETRY right after `on_down`.
        """
        ...

    async def stop(self) -> None:
        """Disconnect. Open tickets stay unanswered."""
        ...
