"""A broker that refuses the subscription to race commands: no race could ever be started."""

import asyncio
import json

from tests.gateway.cloud.test_subscriptions import StrictBroker
from tests.support.gateway_process import GatewayProcess, alleycat_gateway

REFUSAL = (
    "no race can be started: cannot subscribe to alleycat/gateways/gateway-1/race: not authorized"
)


async def test_refused_race_commands_need_attention_in_status_metrics_and_check(
    gateway: GatewayProcess,
) -> None:
    broker = StrictBroker(hangs_up=False)
    cloud = await broker.open()
    gateway.cloud = {"endpoint": "127.0.0.1", "port": cloud.port, "plaintext": True}
    gateway.race_mode = "remote"
    await asyncio.to_thread(gateway.start)
    await asyncio.to_thread(gateway.wait_for_log, "cannot subscribe")
    options = ("--config", str(gateway.config_file))
    status = await asyncio.to_thread(alleycat_gateway, "status", "--json", *options)
    assert status.returncode == 1
    found = json.loads(status.stdout)
    assert found["gateway"]["cloud"]["commands_refusal"] == "not authorized"
    (text,) = [one for one in found["attention"] if "subscribe" in one]
    assert text.startswith(REFUSAL)
    check = await asyncio.to_thread(alleycat_gateway, "check", *options)
    assert check.returncode == 1
    assert "no race can be started" in " ".join(check.stdout.split())
    await asyncio.to_thread(gateway.terminate)
    broker.close()
