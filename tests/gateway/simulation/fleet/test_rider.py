import pytest

from drivers import Reading
from drivers.fake import FakeBike
from drivers.fake.driver import FakeBikeOptions
from gateway.simulation.fleet.rider import FakeRider
from tests.support.clock import ManualClock

RIDE_S = 30
START_NS = 7_000_000_000


@pytest.mark.parametrize("seed", [1, 10_682])
async def test_it_says_what_the_driver_fake_says_with_the_same_seed(seed: int) -> None:
    bike = FakeBike(FakeBikeOptions(seed=seed, ride_s=RIDE_S), ManualClock())
    said: list[Reading] = []
    async with bike.open_bike() as readings:
        async for reading in readings:
            if reading.at_ns >= START_NS + RIDE_S * 1_000_000_000:
                break
            said.append(reading)
    rider = FakeRider(seed, RIDE_S)
    starts_ns = [START_NS + second * 1_000_000_000 for second in range(RIDE_S)]
    heard = [
        reading
        for second, start_ns in enumerate(starts_ns, start=1)
        for reading in rider.next_second(start_ns, second)
    ]
    assert [(r.at_ns, r.cadence_rpm, r.resistance_percent, r.power_w) for r in heard] == [
        (r.at_ns, r.cadence_rpm, r.resistance_percent, r.power_w) for r in said
    ]
    assert len(heard) == 4 * RIDE_S
    assert rider.stale_after_s == bike.stale_after_s
