"""Errors in the words of whoever stands beside the bike."""

import pytest

from drivers.ble.errors import reason_of


class Stumbling(Exception):
    def __str__(self) -> str:
        raise ValueError


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (FileNotFoundError("bus"), "D-Bus, which BlueZ needs, is not running"),
        (TimeoutError(), "no answer in time"),
        (Exception("[org.bluez.Error.NotReady] x"), "bluetoothctl power on"),
        (Exception("org.freedesktop.DBus.Error.ServiceUnknown"), "enable --now bluetooth"),
        (Exception("no available connection slots"), "support 5 to 7"),
        (Exception("le-connection-abort-by-local"), "radio noise"),
        (Exception("Host is down"), "Host is down"),
        (KeyError(), "KeyError"),
        (Stumbling("org.bluez", 7), "org.bluez, 7"),
    ],
)
def test_bluetooth_error_is_put_into_plain_words(error: Exception, words: str) -> None:
    assert words in reason_of(error)


def test_bluetooth_error_keeps_its_own_words() -> None:
    assert reason_of(Exception("[org.bluez.Error.NotReady] gone")).endswith("NotReady] gone)")
