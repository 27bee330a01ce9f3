"""A bike's name on the command line is one of four things."""

import pytest

from gateway.setup.bike_spec import NotABike, ProtocolMissing, named_bike


def test_an_address_is_a_bike_on_bluetooth() -> None:
    assert named_bike("c0:ff:ee:00:00:01", None) == ("ble", {"address": "c0:ff:ee:00:00:01"})
    assert named_bike("C0:FF:EE:00:00:01", "ftms")[1]["protocol"] == "ftms"


@pytest.mark.parametrize("port", ["/dev/ttyUSB0", "socket://10.0.0.7:2000"])
def test_a_port_needs_its_protocol(port: str) -> None:
    assert named_bike(port, "peloton") == ("serial", {"port": port, "protocol": "peloton"})
    with pytest.raises(ProtocolMissing, match="--protocol"):
        named_bike(port, None)


def test_a_device_number_is_a_bike_on_ant() -> None:
    assert named_bike("ant:11565", None) == ("ant", {"device_number": 11565})
    options = {"device_number": 7, "protocol": "ant_power"}
    assert named_bike("ant:7", "ant_power") == ("ant", options)
    with pytest.raises(NotABike):
        named_bike("ant:", None)


def test_fake_names_the_fake_bike() -> None:
    assert named_bike("fake", None) == ("fake", {"wire": "ftms"})


def test_word_that_names_no_bike_is_refused() -> None:
    with pytest.raises(
        NotABike,
        match=r"not a Bluetooth address, a serial port, an ANT\+ bike such as ant:11565, or `fake`",
    ):
        named_bike("bike-1", None)
