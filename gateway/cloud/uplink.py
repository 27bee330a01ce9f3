"""Uplink: the contract between the Publisher and the connection to the cloud."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from enum import Enum
from typing import Protocol

from gateway.host.errors import BAD_CONFIG, GatewayError

#: Takes a command's payload and returns the response's.
CommandHandler = Callable[[bytes], Awaitable[bytes]]
#: Is called after each connect with the reason why a subscription failed, or None if it succeeded.
OnSubscribed = Callable[[str | None], None]


def _ignore(refusal: str | None) -> None:
    pass


class CredentialsError(GatewayError):
    """Unusable certificates or an unusable key. The text names the files and the reason."""

    exit_code = BAD_CONFIG


class Verdict(Enum):
    """The meaning of an answer for the message that was sent."""

    ACCEPTED = "accepted"  # the broker has the message: forget it
    RETRY = "retry"  # the message is not the cause: send it again
    SLOW_DOWN = "slow down"  # the message is not the cause, but there are too many: send it again
    REFUSED = "refused"  # the broker rejects this message: send it again alone
    SUSPECT = "suspect"  # the broker disconnected, perhaps because of one of the open messages


class Ending(Enum):
    """The way in which a connection ended, as far as it shows another client with the same id."""

    TAKEN_OVER = "taken over"  # the broker states that another client has connected
    HUNG_UP = "hung up"  # the broker closed the connection in order, without giving a reason
    BROKEN_OFF = "broken off"  # it was closed without notice, by the broker or on the way
    OTHER = "other"


@dataclass(frozen=True, slots=True)
class Answer:
    verdict: Verdict
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Commands:
    """A subscription to commands on `topic`. Responses go only to topics below it."""

    topic: str
    handle: CommandHandler
    on_subscribed: OnSubscribed = _ignore


@dataclass(frozen=True, slots=True)
class Feed:
    """A subscription to messages on `topic` that are not answered, and may be lost (QoS 0)."""

    topic: str
    take: Callable[[bytes], None]
    on_subscribed: OnSubscribed = _ignore


Subscription = Commands | Feed


class UplinkListener(Protocol):
    """A listener to an Uplink. It is called on the event loop, never within `Uplink.publish`."""

    def on_up(self) -> None: ...

    def on_down(self, reason: str, ending: Ending) -> None:
        """Handle a lost or failed connection; called again for each attempt that fails."""
        ...

    def on_answer(self, ticket: int, answer: Answer) -> None: ...


class Uplink(Protocol):
    """A connection that keeps itself open from `start` to `stop`, with back-off and jitter."""

    def start(self, listener: UplinkListener) -> None: ...

    def publish(self, ticket: int, payload: bytes) -> None:
        """Send a message; exactly one answer for `ticket` follows, even if the connection breaks.

        Each ticket is higher than the ones before.
        When the connection breaks, the open tickets are answered RETRY, SLOW_DOWN or SUSPECT
        right after `on_down`.
        """
        ...

    async def stop(self) -> None:
        """Disconnect. Open tickets stay unanswered."""
        ...


class ReceivingUplink(Uplink, Protocol):
    """An Uplink that also receives messages."""

    def subscribe(self, subscription: Subscription) -> None:
        """Subscribe after each connect. Call this before `start`, once for each topic."""
        ...
