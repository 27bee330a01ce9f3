"""Bytes written to disk per message while the broker acknowledges, and without a broker.

Two daemons run side by side with the same fake bikes: one on a mosquitto, one with nothing at its
endpoint. Races last ten seconds, so that the messages include `final`s. The bytes are those that
the kernel counts as written by the process, from some seconds after its start on.

    python -m tests.bench.writes_online [--quick]
"""

import time

from tests.bench.brokers import Site, site
from tests.bench.processes import written_bytes
from tests.bench.row import Bench, Row, run_row
from tests.support.mosquitto import free_port

BIKES = 8
RACE_S = 10
#: Seconds until it is connected, its file is created and earlier messages are deleted.
WARM_UP_S = 8


def measure(bench: Bench) -> Row:
    """Measure the bytes written per message, online."""
    seconds = bench.scaled(30, 12)
    folder = bench.folder("writes")
    with (
        site(folder / "online", BIKES, RACE_S) as online,
        site(folder / "offline", BIKES, RACE_S) as offline,
    ):
        offline.gateway.cloud["port"] = free_port()
        for each in (online, offline):
            each.gateway.start()
        bench.progress("writes: a daemon online, a daemon offline")
        time.sleep(WARM_UP_S)
        began_s, before = time.time(), _written(online, offline)
        time.sleep(seconds)
        bytes_online, bytes_offline = (
            after - start for after, start in zip(_written(online, offline), before, strict=True)
        )
        messages = len(online.arrivals.since(began_s))
    assert messages >= 0.9 * BIKES * seconds, f"only {messages} messages arrived"
    return _row(bytes_online / messages, bytes_offline / messages, messages)


def _written(*sites: Site) -> list[int]:
    return [written_bytes(each.gateway.pid) for each in sites]


def _row(online: float, offline: float, messages: int) -> Row:
    return Row(
        "writes_online",
        "bytes written to disk per message, online",
        "0 B",
        f"{online:,.0f} B",
        f"the same gateway offline {offline:,.0f} B; {BIKES} bikes, {messages:,} messages",
        online == 0,
        None,
        {
            "bytes_per_message_online": online,
            "bytes_per_message_offline": offline,
            "messages": messages,
            "bikes": BIKES,
        },
    )


if __name__ == "__main__":
    run_row(measure)
