"""A cable that is pulled: nothing ends the connection, and packets just vanish."""

import json
from typing import Any

import pytest

from tests.support.fault_proxy import FaultProxy
from tests.support.gateway_process import GatewayProcess, alleycat_gateway
from tests.support.mosquitto import Authority, Mosquitto

#: The loss must be noticed this soon, in seconds.
NOTICED_S = 18


def asked(gateway: GatewayProcess) -> dict[str, Any]:
    ended = alleycat_gateway("status", "--config", str(gateway.config_file), "--json")
    report: dict[str, Any] = json.loads(ended.stdout)
    return report


@pytest.mark.slow
def test_pulled_cable_is_noticed_and_is_no_reason_to_slow_down(
    gateway: GatewayProcess, broker: Mosquitto, authority: Authority
) -> None:
    with FaultProxy(broker.port, authority) as proxy:
        gateway.cloud["port"] = proxy.port
        gateway.start()
        gateway.wait_for_log("cloud connected")
        proxy.stall()
        gateway.wait_for_log("cloud not connected", timeout_s=NOTICED_S)
        away = asked(gateway)
        assert away["gateway"]["cloud"]["pace_share"] == 1
        (text,) = away["attention"]
        assert "the broker does not answer: it has acknowledged no message for 15 s" in text
        proxy.flow()
        gateway.wait_for_log("cloud connected", times=2)
        assert asked(gateway)["gateway"]["cloud"]["pace_share"] == 1
        assert "sending slowed down" not in gateway.log
        gateway.terminate()
