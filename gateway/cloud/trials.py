"""Trials: the search for a message that the broker cannot take, among messages that fail. Pure."""

from collections import Counter

from gateway.buffer.send_order import Entry

#: A message that fails after this number of strikes is quarantined.
STRIKES = 5
#: The same for a bike whose last message was quarantined.
STRIKES_OF_BAD_BIKE = 1


class Trials:
    """The message on trial, and the strikes against each message.

    A message that fails is on trial until the next one, its witness, is answered. It gets a strike
    if the witness is accepted; otherwise the witness is on trial. Strikes are only evidence as long
    as the broker is well. All are forgotten when two messages fail without an acceptance between
    them, and one of them had never failed before; when a message that failed is accepted after all;
    and by the publisher after a connection on which nothing was accepted.
    """

    def __init__(self) -> None:
        #: The message on trial; the next one that is sent is its witness, if there is one.
        self.accused: Entry | None = None
        #: Whether the accused was sent without a witness, because there was none.
        self.lacks_witness = False
        self._strikes: Counter[Entry] = Counter()
        #: Bikes whose last message was quarantined.
        self._bad_bikes: set[bytes] = set()
        #: The messages that have failed since the last acceptance, and whether one of them
        #: failed for the first time.
        self._failed: set[Entry] = set()
        self._has_news = False

    @property
    def has_blamed(self) -> bool:
        """Whether a message is on trial, or anything speaks against one or against a bike."""
        return bool(self.accused or self._strikes or self._bad_bikes)

    def is_blamed(self, entry: Entry) -> bool:
        """Return whether anything speaks against a message or its bike."""
        return entry in self._strikes or self._is_of_bad_bike(entry)

    def is_proven(self, entry: Entry) -> bool:
        """Return whether one more failure of this message is its own fault."""
        needed = STRIKES_OF_BAD_BIKE if self._is_of_bad_bike(entry) else STRIKES
        return self._strikes[entry] >= needed

    def fail(self, entry: Entry) -> bool:
        """Put a message on trial that was sent alone, and failed.

        Return whether the broker seems to be at fault: a witness failed that never had before.
        """
        is_news = not (entry.failures or self.is_blamed(entry))
        is_witness = self.accused not in (None, entry)
        self._has_news |= is_news
        self._failed.add(entry)
        if len(self._failed) > 1 and self._has_news:
            self.acquit()
        entry.failures += 1
        self.lacks_witness = entry is self.accused
        self.accused = entry
        return is_witness and is_news

    def accept(self, entry: Entry) -> None:
        """Count the acceptance of a message: a strike, if it is a witness."""
        if entry.failures:
            self.acquit()
        if self.accused is not None and self.accused is not entry:
            self._strikes[self.accused] += 1
        if self._is_of_bad_bike(entry):
            self._bad_bikes.remove(entry.bike)
        self._failed.clear()
        self._has_news = False
        self.accused, self.lacks_witness = None, False

    def acquit(self) -> None:
        """Forget all strikes: the broker is at fault."""
        self._strikes.clear()
        self._bad_bikes.clear()

    def convict(self, entry: Entry) -> None:
        """Forget a message that has been set aside, and remember its bike."""
        del self._strikes[entry]
        self._failed.discard(entry)
        self._bad_bikes.add(entry.bike)
        self.accused = None

    def _is_of_bad_bike(self, entry: Entry) -> bool:
        return bool(self._bad_bikes) and entry.bike in self._bad_bikes
