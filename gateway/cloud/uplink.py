"""Uplink: the contract between the Publisher and whatever carries a message to the cloud."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from enum import Enum
from typing import Protocol

from gateway.host.errors import BAD_CONFIG, GatewayError

#: Takes a command as it came, gives the response as it goes back.
CommandHandler = Callable[[bytes], Awaitable[bytes]]


def _ignore(refusal: str | None) -> None:
    pass


class CredentialsError(GatewayError):
    """Certificates or key cannot be used. The text names the files and the reason."""

    exit_code = BAD_CONFIG


class Verdict(Enum):
    """What an answer means for the message that was sent."""

    ACCEPTED = "accepted"  # the broker has it: forget it
    RETRY = "retry"  # nothing wrong with the message: send it again
    SLOW_DOWN = "slow down"  # nothing wrong with the message, but too many of them
    REFUSED = "refused"  # the broker does not want this message: a strike against it
    SUSPECT = "suspect"  # the broker hung up, perhaps over one of the messages that were open


@dataclass(frozen=True, slots=True)
class Answer:
    verdict: Verdict
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Commands:
    """Commands are heard on `topic`. A response goes to a topic below it, and to no other.

    `on_subscribed` is told after each connect why none will be heard, or None if they will.
    """

    topic: str
    handle: CommandHandler
    on_subscribed: Callable[[str | None], None] = _ignore


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

        When the connection breaks, the open tickets are answered RETRY, SLOW_DOWN or SUSPECT
        right after `on_down`.
        """
        ...

    async def stop(self) -> None:
        """Disconnect. Open tickets stay unanswered."""
        ...
