"""CPU per message, Reading → PUBACK, as a multiple of a bare awscrt publish loop.

Both publish the same payloads with QoS 1 to the same mosquitto over mutual TLS, with the same
window and the SDK's flow control off, in turns, in this one process. What is counted is the
CPU time of all threads of the process, user and system. Prints one line of JSON.

    python -m tests.bench.cpu_per_message [--ticks N] [--rounds N]
"""

import argparse
import asyncio
import json
import statistics
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from random import Random
from typing import Any

import structlog
from awscrt import mqtt5
from awsiot import mqtt5_client_builder

from drivers import Reading
from gateway.buffer import open_buffer
from gateway.clock import NS_PER_S, SystemClock
from gateway.config import CloudConfig
from gateway.iot_core import IotCore
from gateway.publisher import WINDOW, Publisher
from gateway.race import Race, Racer
from gateway.race_clock import RaceSecond
from gateway.sampler import Sampler
from gateway.telemetry import Telemetry, make_telemetry
from tests.support.mosquitto import Authority, Credentials, Mosquitto

TOPIC = "alleycat-publish"
TIMEOUT_S = 120
#: The publisher's own pace must not be what is measured.
UNPACED_PER_S = 1e6
#: Bikes whose second ends at once, and the Readings each of them gave in it.
BIKES = 100
READINGS_PER_S = 4
RACER = Racer(7, "Hayden", 1)


def main() -> None:
    arguments = _arguments()
    structlog.configure(logger_factory=structlog.ReturnLoggerFactory())
    with _broker() as (broker, credentials):
        samplers = _samplers()
        payloads = [
            telemetry.to_json()
            for number in range(arguments.ticks)
            for telemetry in _tick(number, samplers)
        ]
        bare, ours = [], []
        for _ in range(arguments.rounds):
            bare.append(_bare_loop(broker.port, credentials, payloads))
            ours.append(asyncio.run(_gateway(broker.port, credentials, arguments.ticks)))
    ratios = [o / b for o, b in zip(ours, bare, strict=True)]
    messages = arguments.ticks * BIKES
    print(
        json.dumps(
            {
                "benchmark": "cpu_per_message",
                "messages": messages,
                "rounds": arguments.rounds,
                "bare_us": round(statistics.median(bare) / messages * 1e6, 1),
                "gateway_us": round(statistics.median(ours) / messages * 1e6, 1),
                "ratio": round(statistics.median(ratios), 2),
                "ratio_min": round(min(ratios), 2),
                "ratio_max": round(max(ratios), 2),
                "target": 1.3,
            }
        )
    )


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--ticks", type=int, default=200, help=f"each of {BIKES} messages")
    parser.add_argument("--rounds", type=int, default=5)
    return parser.parse_args()


@contextmanager
def _broker() -> Iterator[tuple[Mosquitto, Credentials]]:
    with tempfile.TemporaryDirectory() as directory:
        authority = Authority(Path(directory) / "ca")
        broker = Mosquitto(Path(directory), authority)
        broker.start()
        try:
            yield broker, authority.issue("bench")
        finally:
            broker.stop()


def _bare_loop(port: int, credentials: Credentials, payloads: list[bytes]) -> float:
    """CPU seconds for the floor: publish, keep the window, count the acknowledgements."""
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


async def _gateway(port: int, credentials: Credentials, ticks: int) -> float:
    """CPU seconds for the whole way: readings sampled, telemetry made, buffered, published."""
    clock = SystemClock()
    cloud = CloudConfig(
        endpoint="127.0.0.1",
        port=port,
        ca_file=credentials.ca_file,
        certificate_file=credentials.certificate_file,
        private_key_file=credentials.private_key_file,
    )
    with tempfile.TemporaryDirectory() as directory:
        buffer = await open_buffer(
            Path(directory) / "buffer.db", clock, commit_interval_s=1.0, max_bytes=1 << 30
        )
        uplink = IotCore(cloud, "bench")
        publisher = Publisher(buffer, uplink, clock, Random(1), UNPACED_PER_S)
        tasks = [asyncio.create_task(buffer.run()), asyncio.create_task(publisher.run())]
        samplers = _samplers()
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
    """One second of every bike: four readings in, one message out."""
    second = RaceSecond(Race(1, 0, 10_000_000), number + 1, (number + 1) * NS_PER_S)
    for bike, sampler in enumerate(samplers):
        for part in range(READINGS_PER_S):
            at_ns = second.start_ns + part * NS_PER_S // READINGS_PER_S
            cadence_rpm, power_w = 80.0 + part, 112.0 + part
            sampler.add(Reading(at_ns, cadence_rpm, None, 40.0, power_w))
        sample = sampler.close_second(second.start_ns, second.end_ns)
        yield make_telemetry("bench", f"bike-{bike}", RACER, second, sample)


def _samplers() -> list[Sampler]:
    samplers = [Sampler() for _ in range(BIKES)]
    for sampler in samplers:
        sampler.connected(0, 3.0)
    return samplers


if __name__ == "__main__":
    main()
