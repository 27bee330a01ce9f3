"""Two gateways with one thing name: both need attention, whichever is connected."""

import json
import time
from pathlib import Path

from tests.support.gateway_process import GatewayProcess, alleycat_gateway
from tests.support.mosquitto import Authority, Mosquitto

DEADLINE_S = 60.0


def test_namesakes_are_suspected_by_both(
    tmp_path: Path, authority: Authority, broker: Mosquitto
) -> None:
    gateways = []
    for name in ("one", "other"):
        (tmp_path / name).mkdir()
        gateways.append(GatewayProcess(tmp_path / name, authority.issue("gateway-1")))
    try:
        for gateway in gateways:
            gateway.cloud["port"] = broker.port
            gateway.start()
        for gateway in gateways:
            assert exit_code_with_attention(gateway, "to the broker as gateway-1") == 1
    finally:
        for gateway in gateways:
            gateway.kill()


def exit_code_with_attention(gateway: GatewayProcess, text: str) -> int:
    """Wait until the status asks for attention with this text; return its exit code."""
    deadline = time.monotonic() + DEADLINE_S
    while True:
        status = alleycat_gateway("status", "--json", "--config", str(gateway.config_file))
        attention = json.loads(status.stdout)["attention"]
        if any(text in one for one in attention):
            return status.returncode
        assert time.monotonic() < deadline, attention
