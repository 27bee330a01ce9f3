"""Messages in quarantine are released while the gateway races, and arrive."""

import json

from gateway.buffer.store import Record
from tests.support.buffer_files import fill_buffer
from tests.support.gateway_process import GatewayProcess, alleycat_gateway
from tests.support.mosquitto import Mosquitto
from tests.support.subscriber import Subscriber
from tests.support.telemetry import message


def test_messages_are_requeued_and_dropped_while_the_gateway_races(
    gateway: GatewayProcess, broker: Mosquitto, subscriber: Subscriber
) -> None:
    messages = [message(second, race_id=7) for second in range(1, 2501)]
    state_dir = gateway.config_file.parent / "state"
    records = [Record(one.second, 7, one.to_json()) for one in messages]
    fill_buffer(state_dir, quarantined=[(record, "not authorised") for record in records])
    gateway.cloud["port"] = broker.port
    gateway.start()
    gateway.wait_for_log("cloud connected")
    config = str(gateway.config_file)
    dropped = alleycat_gateway(
        "buffer", "drop", "--message", "2", "--yes", "--json", "--config", config
    )
    assert json.loads(dropped.stdout) == {"action": "drop", "selected": 1, "messages": 1}
    requeued = alleycat_gateway("buffer", "requeue", "--race", "7", "--config", config)
    assert requeued.stdout == "2,499 messages no longer in quarantine, to be sent now\n"
    wanted = {one.uuid for one in messages if one.second != 2}
    arrived = subscriber.wait_for(
        lambda arrived: wanted <= {one.uuid for one in arrived}, timeout_s=60
    )
    again = [one.second for one in arrived if one.race_id == 7]
    assert again == [second for second in range(1, 2501) if second != 2], "in order, each once"
    status = json.loads(alleycat_gateway("status", "--json", "--config", config).stdout)
    assert status["attention"] == []
    gateway.terminate()
