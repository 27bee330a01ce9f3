"""BikeDrivers: the drivers of the bikes, and what they know of them, kept over a restart."""

from collections.abc import Mapping

import structlog
from pydantic import JsonValue, TypeAdapter

from drivers import Driver, RememberingDriver
from drivers.registry import DriverStatus, make_driver
from gateway.bike.calibration_choice import device_of
from gateway.bike.loss import loss_reason
from gateway.bike.opened_bike import driver_name
from gateway.config.schema import BikeConfig
from gateway.host.state_file import StateFiles
from gateway.timing.clock import GatewayClock
from gateway.timing.units import NS_PER_S

#: Time between two looks at what the drivers know, in seconds: a power cut loses no more than that.
EVERY_S = 10

_Memory = dict[str, JsonValue]
_MEMORY = TypeAdapter(_Memory)
_MEMORIES = TypeAdapter(dict[str, _Memory])

log = structlog.get_logger()


class BikeDrivers:
    """The registered drivers, which it makes for the bikes, and the memory of each that has one.

    Reads the small file of the memories when created; `run` writes it.
    """

    def __init__(
        self, registered: Mapping[str, DriverStatus], files: StateFiles, clock: GatewayClock
    ) -> None:
        self._registered = registered
        self._clock = clock
        #: By device, as `device_of` returns it.
        self._memories: dict[str, _Memory] = {}
        self._remembering: dict[str, RememberingDriver] = {}
        self._file = files.load("drivers.json", "memories of the drivers", self._restore)

    def make(self, bike: BikeConfig) -> Driver:
        """Create the driver of a bike, with what an earlier one knew of the same device."""
        driver = make_driver(self._registered[bike.driver], bike.options, self._clock)
        self._remind(self.device_of(bike), driver)
        return driver

    def device_of(self, bike: BikeConfig) -> str:
        """Return what identifies the physical bike, such as "ble C0:FF:EE:12:34:56"."""
        return device_of(bike, self._registered[bike.driver])

    def _remind(self, device: str, driver: Driver) -> None:
        self._remembering.pop(device, None)
        # A driver may be a third-party plugin, whose bug must affect nothing but its memory.
        try:
            if isinstance(driver, RememberingDriver):
                driver.memory = self._memories.get(device, {})
                self._remembering[device] = driver
        except Exception as error:
            self._give_up(device, driver, error)

    async def run(self) -> None:
        """Save what the drivers know, whenever it has changed."""
        while True:
            await self._clock.sleep_until(self._clock.monotonic_ns() + EVERY_S * NS_PER_S)
            known = self._memories | self._known()
            if known != self._memories:
                self._memories = known
                await self._file.save(self._to_json)

    def _known(self) -> dict[str, _Memory]:
        known = {}
        for device, driver in list(self._remembering.items()):
            try:
                memory = _MEMORY.validate_python(driver.memory)
                _MEMORY.dump_json(memory)  # raises if it contains text that is not Unicode
                known[device] = memory
            except Exception as error:
                self._give_up(device, driver, error)
        return known

    def _give_up(self, device: str, driver: object, error: Exception) -> None:
        self._remembering.pop(device, None)
        reason = loss_reason(error, driver_name(driver))
        log.error("memory of the driver not saved", device=device, reason=reason)

    def _to_json(self) -> bytes:
        return _MEMORIES.dump_json(self._memories)

    def _restore(self, content: bytes) -> None:
        self._memories = _MEMORIES.validate_json(content)
