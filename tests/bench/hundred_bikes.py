"""CPU of a gateway with 100 bikes, as a share of one core, compared with one bike.

Two daemons run side by side, each on its own mosquitto. The bikes are fake, with four Readings a
second each; their simulation is included in the CPU time.

    python -m tests.bench.hundred_bikes [--quick]
"""

import time

from tests.bench.brokers import site
from tests.bench.processes import cpu_s
from tests.bench.row import Bench, Row, run_row

LIMIT_PERCENT = 25.0
ONE, MANY = 1, 100
#: Seconds until all bikes are connected and the work of starting is over.
WARM_UP_S = 8


def measure(bench: Bench) -> Row:
    """Measure the CPU of a gateway with 100 bikes at 1 Hz."""
    seconds = bench.scaled(30, 15)
    folder = bench.folder("bikes")
    with site(folder / "many", MANY) as many, site(folder / "one", ONE) as one:
        sites = (many, one)
        for each in sites:
            each.gateway.start()
        bench.progress(f"bikes: {seconds} s, a daemon with {MANY} and one with {ONE}")
        time.sleep(WARM_UP_S)
        began_s, before_s = time.time(), [cpu_s(each.gateway.pid) for each in sites]
        time.sleep(seconds)
        spent_s = [cpu_s(each.gateway.pid) for each in sites]
        arrived = len(many.arrivals.since(began_s))
    many_percent, one_percent = (
        100 * (after - start) / seconds for after, start in zip(spent_s, before_s, strict=True)
    )
    return _row(many_percent, one_percent, arrived / (MANY * seconds))


def _row(many_percent: float, one_percent: float, arrived_share: float) -> Row:
    return Row(
        "hundred_bikes",
        "one gateway, 100 bikes at 1 Hz, 4 readings/s each",
        f"≤ {LIMIT_PERCENT:.0f} % of a core",
        f"{many_percent:.1f} %",
        f"{one_percent:.1f} % with one bike; {arrived_share:.0%} of the messages arrived meanwhile",
        many_percent <= LIMIT_PERCENT,
        many_percent / LIMIT_PERCENT,
        {
            "percent_of_a_core": many_percent,
            "percent_of_a_core_with_one_bike": one_percent,
            "arrived_share": arrived_share,
        },
    )


if __name__ == "__main__":
    run_row(measure)
