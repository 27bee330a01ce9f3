"""CPU per message, Reading → PUBACK, as a multiple of a bare awscrt publish loop.

Both publish the same payloads with QoS 1 to the same mosquitto over mutual TLS, in turns, in this
process, with the same window and without the SDK's flow control and the gateway's own pace. The
figure is the CPU time of all threads of the process, user and system.

    python -m tests.bench.cpu_per_message [--quick]
"""

import asyncio
import statistics
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from random import Random
from typing import Any
from unittest.mock import patch

import structlog
from awscrt import mqtt5
from awsiot import mqtt5_client_builder

from drivers import Reading
from gateway.buffer.opening import open_buffer
from gateway.cloud.iot_core import IotCore
from gateway.cloud.publisher import WINDOW, Publisher
from gateway.config.cloud import CloudConfig
from gateway.race.clock import RaceSecond
from gateway.race.races import Race, Racer
from gateway.sampling.sampler import Sampler
from gateway.telemetry.message import Telemetry, make_telemetry
from gateway.timing.clock import SystemClock
from gateway.timing.units import NS_PER_S
from tests.bench.brokers import broker
from tests.bench.row import Bench, Row, run_row
from tests.support.mosquitto import Credentials

LIMIT = 1.5
TOPIC = "alleycat-publish"
TIMEOUT_S = 120
#: A pace so high that the publisher never waits for it.
UNPACED_PER_S = 1e9
#: Bikes whose seconds end at the same time, and the Readings of each in a second.
BIKES = 100
READINGS_PER_S = 4
RACER = Racer(7, "Hayden", 1)


def measure(bench: Bench) -> Row:
    """Measure CPU per message over a bare awscrt publish loop."""
    structlog.configure(logger_factory=structlog.ReturnLoggerFactory())
    ticks, rounds = bench.scaled((200, 5), (50, 3))
    folder = bench.folder("cpu")
    with broker(folder) as (mosquitto, authority):
        credentials = authority.issue("bench")
        samplers = new_samplers()
        payloads = [
            telemetry.to_json() for number in range(ticks) for telemetry in _tick(number, samplers)
        ]
        bare, ours = [], []
        for number in range(rounds):
            bench.progress(f"CPU: round {number + 1} of {rounds}, {len(payloads):,} messages each")
            bare.append(_bare_loop(mosquitto.port, credentials, payloads))
            buffer_file = folder / f"buffer-{number}.db"
            ours.append(asyncio.run(_gateway(mosquitto.port, credentials, ticks, buffer_file)))
    return _row(bare, ours, len(payloads))


def _row(bare_s: list[float], ours_s: list[float], messages: int) -> Row:
    ratios = [ours / bare for ours, bare in zip(ours_s, bare_s, strict=True)]
    ratio = statistics.median(ratios)
    bare_us, ours_us = (statistics.median(spent) / messages * 1e6 for spent in (bare_s, ours_s))
    return Row(
        "cpu_per_message",
        "CPU per message, Reading → PUBACK, over a bare awscrt publish loop",
        f"≤ {LIMIT} ×",
        f"{ratio:.2f} ×",
        f"{ours_us:.0f} µs against {bare_us:.0f} µs; {min(ratios):.2f} … {max(ratios):.2f} over"
        f" {len(ratios)} rounds",
        ratio <= LIMIT,
        ratio / LIMIT,
        {
            "messages": messages,
            "rounds": len(ratios),
            "bare_us": bare_us,
            "gateway_us": ours_us,
            "ratio": ratio,
            "ratio_min": min(ratios),
            "ratio_max": max(ratios),
        },
    )


def _bare_loop(port: int, credentials: Credentials, payloads: list[bytes]) -> float:
    """Return the CPU seconds of the floor: publish, keep the window, count acknowledgements."""
    connected, done = threading.Event(), threading.Event()
    window = threading.Semaphore(WINDOW)
    acknowledged = 0

    def on_puback(future: Any) -> None:
        nonlocal acknowledged
        future.result()
        acknowledged += 1
        window.release()
        if acknowledged == len(payloads):
            done.set()

    client = mqtt5_client_builder.mtls_from_path(
        str(credentials.certificate_file),
        str(credentials.private_key_file),
        ca_filepath=str(credentials.ca_file),
        endpoint="127.0.0.1",
        port=port,
        client_id="bench",
        extended_validation_and_flow_control_options=(
            mqtt5.ExtendedValidationAndFlowControlOptions.NONE
        ),
        on_lifecycle_connection_success=lambda _: connected.set(),
    )
    client.start()
    assert connected.wait(TIMEOUT_S)
    began = time.process_time()
    for payload in payloads:
        window.acquire()
        packet = mqtt5.PublishPacket(topic=TOPIC, payload=payload, qos=mqtt5.QoS.AT_LEAST_ONCE)
        client.publish(packet).add_done_callback(on_puback)
    assert done.wait(TIMEOUT_S)
    spent_s = time.process_time() - began
    client.stop()
    return spent_s


async def _gateway(port: int, credentials: Credentials, ticks: int, buffer_file: Path) -> float:
    """Return the CPU seconds of the whole path: sample, make telemetry, buffer, publish."""
    clock = SystemClock()
    cloud = CloudConfig(
        endpoint="127.0.0.1",
        port=port,
        ca_file=credentials.ca_file,
        certificate_file=credentials.certificate_file,
        private_key_file=credentials.private_key_file,
    )
    buffer = await open_buffer(buffer_file, clock, commit_interval_s=1.0, max_bytes=1 << 30)
    uplink = IotCore(cloud, "bench")
    with patch.multiple(
        "gateway.cloud.pace", MESSAGES_PER_S=UNPACED_PER_S, BYTES_PER_S=UNPACED_PER_S
    ):
        publisher = Publisher(buffer, uplink, clock, Random(1), UNPACED_PER_S)
    tasks = [asyncio.create_task(buffer.run()), asyncio.create_task(publisher.run())]
    samplers = new_samplers()
    for telemetry in _tick(0, samplers):  # warms up, and waits for the connection
        buffer.append(telemetry)
    while publisher.accepted < BIKES:  # noqa: ASYNC110 before the measurement
        await asyncio.sleep(0.01)
    began = time.process_time()
    for number in range(1, ticks + 1):
        for telemetry in _tick(number, samplers):
            buffer.append(telemetry)
        await publisher.drained()
    assert publisher.accepted == (ticks + 1) * BIKES
    spent_s = time.process_time() - began
    for task in tasks:
        task.cancel()
    await uplink.stop()
    await buffer.close()
    return spent_s


def _tick(number: int, samplers: list[Sampler]) -> Iterator[Telemetry]:
    """Yield one second's message of every bike, made from four Readings."""
    second = RaceSecond(Race(1, 0, 10_000_000), number + 1, (number + 1) * NS_PER_S)
    for bike, sampler in enumerate(samplers):
        for part in range(READINGS_PER_S):
            at_ns = second.start_ns + part * NS_PER_S // READINGS_PER_S
            cadence_rpm, power_w = 80.0 + part, 112.0 + part
            sampler.add(Reading(at_ns, cadence_rpm, None, 40.0, power_w))
        sample = sampler.close_second(second.start_ns, second.end_ns)
        yield make_telemetry("bench", f"bike-{bike}", RACER, second, sample)


def new_samplers() -> list[Sampler]:
    samplers = [Sampler() for _ in range(BIKES)]
    for sampler in samplers:
        sampler.connected(0, 3.0)
    return samplers


if __name__ == "__main__":
    run_row(measure)
