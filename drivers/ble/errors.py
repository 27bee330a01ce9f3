"""What BlueZ's and bleak's errors mean to whoever stands beside the bike. Pure."""

_SWITCH_ON = "the Bluetooth adapter is off: bluetoothctl power on, or sudo rfkill unblock bluetooth"
_NOT_RUNNING = "bluetoothd does not run: sudo systemctl start bluetooth"

#: What is in an error's text, and what it means.
_MEANINGS = {
    "ServiceUnknown": _NOT_RUNNING,
    "NameHasNoOwner": _NOT_RUNNING,
    "NotReady": _SWITCH_ON,
    "No powered Bluetooth adapters": _SWITCH_ON,
    "InProgress": "the adapter is busy with another program's scan or connection",
    "le-connection-abort-by-local": "the connection broke while it was made, mostly by radio noise:"
    " another place, less 2.4 GHz Wi-Fi beside it or a USB Bluetooth adapter help",
    "available connection": "the adapter has no connection left: they hold 5 to 7; a second helps",
    "connection slot": "the adapter has no connection left: they hold 5 to 7; a second helps",
    "UnknownObject": "it has gone again",
    "AccessDenied": "this user may not use Bluetooth: sudo adduser USER bluetooth",
}


def reason_of(error: BaseException) -> str:
    """An error in plain words, with its own at the end."""
    if isinstance(error, FileNotFoundError | ConnectionRefusedError):
        return f"no D-Bus on this machine, so no BlueZ: {error}"
    if isinstance(error, TimeoutError):
        return "no answer in time"
    text = text_of(error)
    for known, meaning in _MEANINGS.items():
        if known in text:
            return f"{meaning} ({text})"
    return text


def text_of(error: BaseException) -> str:
    """Its own words; bleak's errors take BlueZ's apart, and not all of them bear it."""
    try:
        return str(error) or type(error).__name__
    except ValueError:
        return ", ".join(map(str, error.args))
