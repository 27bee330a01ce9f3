"""NamePublisher: keeps the name of the pages published, whatever happens to Avahi."""

import asyncio
from collections.abc import Callable
from contextlib import suppress
from ipaddress import ip_address

import structlog

from gateway.web.mdns.avahi import Avahi, AvahiChanged, AvahiError, HostAddress, open_avahi

#: Interval between attempts that fail, in seconds. Another start of Avahi is noticed at once.
RETRY_S = 60.0
#: Pause before the name is published again because something has changed, in seconds.
PAUSE_S = 1.0
#: How long the addresses must stay the same before they are published, in seconds: those of one
#: interface come one after the other.
SETTLED_S = 0.5
#: How long to wait for the first address, in seconds.
FIRST_ADDRESS_S = 5.0

NO_ADDRESS = (
    "Avahi announces no address of this computer at which they are served; check web.listen and "
    "the network"
)
FAILED = "a bug in the gateway prevents it; the log has the reason"

log = structlog.get_logger()


class NamePublisher:
    """The loop that publishes a name for the pages at `listen` and `port`.

    `on_problem` is called with a sentence if the name does not lead to the pages, and with None as
    soon as it does.
    """

    def __init__(
        self, name: str, listen: str, port: int, on_problem: Callable[[str | None], object]
    ) -> None:
        self._name = name
        self._place = ip_address(listen)
        self._port = port
        self._on_problem = on_problem
        self._problem: str | None = ""

    async def run(self) -> None:
        """Publish the name until this is cancelled. After a bug, the pages do without."""
        try:
            while True:
                await self._attempt()
                await asyncio.sleep(PAUSE_S)
        # They are served all the same.
        except Exception as error:
            log.exception("the name of the pages is not published", exc_info=error)
            self._report(FAILED)

    async def _attempt(self) -> None:
        """Publish the name until something changes; after an error, wait for the next attempt."""
        try:
            async with open_avahi() as avahi:
                try:
                    await self._publish(avahi)
                except AvahiError as error:
                    self._report(str(error))
                    with suppress(TimeoutError):
                        async with asyncio.timeout(RETRY_S):
                            await avahi.change()
        except AvahiChanged:
            return
        except AvahiError as error:  # without a bus
            self._report(str(error))
            await asyncio.sleep(RETRY_S)

    async def _publish(self, avahi: Avahi) -> None:
        """Publish the name until the addresses change. Raises AvahiError and AvahiChanged."""
        await avahi.follow_addresses()
        addresses = await self._settled(avahi)
        if not addresses:
            raise AvahiError(NO_ADDRESS)
        await avahi.publish(self._name, self._port, addresses)
        self._report(None)
        while self._served(avahi) == addresses:
            await avahi.news()

    async def _settled(self, avahi: Avahi) -> set[HostAddress]:
        """Return the addresses at which the pages are served, as soon as they do not change."""
        while True:
            found = self._served(avahi)
            try:
                async with asyncio.timeout(SETTLED_S if found else FIRST_ADDRESS_S):
                    await avahi.news()
            except TimeoutError:
                return found

    def _served(self, avahi: Avahi) -> set[HostAddress]:
        return {one for one in avahi.addresses if self._is_served(one)}

    def _is_served(self, one: HostAddress) -> bool:
        """Return whether the pages listen at an address; at ::, they also listen with IPv4."""
        if self._place.is_unspecified:
            return one.address.version <= self._place.version
        return one.address == self._place

    def _report(self, problem: str | None) -> None:
        """Log a problem or its end, and call `on_problem`, unless nothing has changed."""
        if problem == self._problem:
            return
        self._problem = problem
        if problem is None:
            log.info("name of the pages published", name=self._name)
            self._on_problem(None)
        else:
            log.warning("name of the pages not published", name=self._name, reason=problem)
            self._on_problem(f"the name {self._name} does not lead to the pages: {problem}")
