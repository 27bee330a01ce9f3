"""`scan`: the fake bike is always there to be found; what else is there is the machine's."""

import asyncio
import json
import tomllib

import pytest
from typer.testing import CliRunner

from gateway.cli.app import app
from tests.support.bluez import Bluez


def test_the_fake_bike_is_found_with_its_snippet() -> None:
    result = CliRunner().invoke(app, ["scan", "--fake-bike"])
    assert result.exit_code == 0
    assert "Fake bike" in result.stdout
    snippet = result.stdout.partition("\n\n# ")[2].partition("\n")[2]
    assert tomllib.loads(snippet)["bikes"][0]["driver"] == "fake"


def test_scan_json_is_the_only_thing_on_stdout() -> None:
    result = CliRunner().invoke(app, ["scan", "--fake-bike", "--json"])
    assert [one["driver"] for one in json.loads(result.stdout)["bikes"]] == ["fake"]


@pytest.mark.slow
async def test_scan_with_an_adapter_finds_only_what_that_adapter_hears(bluez: Bluez) -> None:
    bluez.add_device(name="near", services={"1826": {}})
    far = bluez.add_device(name="far", services={"1826": {}}, adapter=bluez.add_adapter())
    await bluez.settle()
    arguments = ["scan", "--adapter", "hci1", "--seconds", "1", "--json"]
    result = await asyncio.to_thread(CliRunner().invoke, app, arguments)
    (bike,) = json.loads(result.stdout)["bikes"]
    assert bike["options"] == {"address": far.address, "adapter": "hci1"}
    assert result.exit_code == 0


@pytest.mark.slow
async def test_scan_with_a_missing_adapter_names_those_that_exist(bluez: Bluez) -> None:
    arguments = ["scan", "--adapter", "hci7", "--seconds", "1"]
    result = await asyncio.to_thread(CliRunner().invoke, app, arguments)
    assert "there is no Bluetooth adapter hci7; expected one of: hci0" in result.stdout
    assert "looking for bikes for 1 s: ant, ble, serial" in result.stdout, (
        "other drivers scan as well"
    )
    assert bluez.hci0.powered
    assert result.exit_code == 1
