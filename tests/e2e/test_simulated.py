"""A fake bike whose seconds leave this computer: what the log, `check` and `status` report."""

import json

from tests.support.gateway_process import GatewayProcess, alleycat_gateway

WARNING = "bike-1 is simulated; its seconds are sent to broker.invalid, marked as simulated"


def test_run_with_fake_bikes_warns_that_their_seconds_leave_this_computer(
    gateway: GatewayProcess,
) -> None:
    gateway.cloud["endpoint"] = "broker.invalid"
    bike = gateway.bikes[0].replace(
        "seed = 1, ride_s = 10", 'port = "/dev/none", protocol = "daum"'
    )
    gateway.bikes = [bike.replace('"fake"', '"serial"')]
    gateway.start("--fake-bike")
    gateway.wait_for_log(WARNING)
    shown = json.loads(
        alleycat_gateway("status", "--json", "--config", str(gateway.config_file)).stdout
    )
    assert any(text.startswith(WARNING) for text in shown["attention"])
    gateway.terminate()


def test_check_warns_that_the_seconds_of_a_fake_bike_leave_this_computer(
    gateway: GatewayProcess,
) -> None:
    gateway.cloud["endpoint"] = "broker.invalid"
    gateway.write_config()
    done = alleycat_gateway("check", "--json", "--config", str(gateway.config_file))
    found = {one["what"]: one["state"] for one in json.loads(done.stdout)["findings"]}
    assert found[f"bikes[0].driver: {WARNING}"] == "warning"
