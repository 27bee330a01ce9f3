"""CPU per message, Reading → PUBACK, as a multiple of a bare awscrt publish loop.

Both publish the same payloads with QoS 1 to the same mosquitto over mutual TLS, with the same
window and the SDK's flow control off, in turns, in this one process. What is counted is the
CPU time of all threads of the process, user and system. Prints one line of JSON.

    python -m tests.bench.cpu_per_message [--messages N] [--rounds N]
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
#: Readings a second of a bike, and bikes whose second ends at once.
READINGS_PER_S = 4
BIKES = 100


def main() -> None:
    arguments = _arguments()
    with _broker() as (broker, credentials):
        sampler = Sampler(stale_after_s=3.0)
        payloads = [_message(n, sampler).to_json() for n in range(arguments.messages)]
        bare, ours = [], []
        for _ in range(arguments.rounds):
            bare.append(_bare_loop(broker.port, credentials, payloads))
            ours.append(asyncio.run(_gateway(broker.port, credentials, arguments.messages)))
    per_message_us = {
        "bare_us": round(statistics.median(bare) / arguments.messages * 1e6, 1),
        "gateway_us": round(statistics.median(ours) / arguments.messages * 1e6, 1),
    }
    ratios = [o / b for o, b in zip(ours, bare, strict=True)]
    print(
        json.dumps(
            {
                "benchmark": "cpu_per_message",
                "messages": arguments.messages,
                "rounds": arguments.rounds,
                **per_message_us,
                "ratio": round(statistics.median(ratios), 2),
                "ratio_min": round(min(ratios), 2),
                "ratio_max": round(max(ratios), 2),
                "target": 1.3,
            }
        )
    )


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--messages", type=int, default=20_000)
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


async def _gateway(port: int, credentials: Credentials, count: int) -> float:
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
        while not publisher.connected:
            await asyncio.sleep(0.01)
        began = time.process_time()
        sampler = Sampler(stale_after_s=3.0)
        sampler.connected(0)
        for tick in range(0, count, BIKES):
            for n in range(tick, min(tick + BIKES, count)):
                buffer.append(_message(n, sampler))
            await publisher.drained()
        assert publisher.accepted == count
        spent_s = time.process_time() - began
        for task in tasks:
            task.cancel()
        await uplink.stop()
        await buffer.close()
    return spent_s


def _message(n: int, sampler: Sampler) -> Telemetry:
    """Second n of one bike: four readings in, one message out."""
    start_ns = n * NS_PER_S
    for part in range(READINGS_PER_S):
        at_ns = start_ns + part * NS_PER_S // READINGS_PER_S
        sampler.add(
            Reading(at_ns, cadence_rpm=80.0 + part, resistance_percent=40.0, power_w=112.0 + part)
        )
    second = RaceSecond(Race(1, 0, 10_000_000), n + 1, start_ns + NS_PER_S)
    sample = sampler.close_second(second.start_ns, second.end_ns)
    return make_telemetry("bench", "bike-1", Racer(7, "Hayden", 1), second, sample)


if __name__ == "__main__":
    main()
