"""Errors of BlueZ and bleak, explained to a user next to the bike. Pure."""

_SWITCH_ON = (
    "the Bluetooth adapter is off: run `bluetoothctl power on` or `sudo rfkill unblock bluetooth`"
)
NOT_RUNNING = "bluetoothd is not running: run `sudo systemctl enable --now bluetooth`"
_NO_SLOT = (
    "the Bluetooth adapter cannot open another connection (most support 5 to 7): "
    "add a second adapter"
)

#: Fragments of error texts, and what they mean.
_MEANINGS = {
    "ServiceUnknown": NOT_RUNNING,
    "NameHasNoOwner": NOT_RUNNING,
    "NotReady": _SWITCH_ON,
    "No powered Bluetooth adapters": _SWITCH_ON,
    "InProgress": "the adapter is busy with another program's scan or connection",
    "le-connection-abort-by-local": "the connection broke during setup, usually because of radio"
    " noise: move the Pi, reduce 2.4 GHz Wi-Fi traffic near it, or use a USB Bluetooth adapter",
    "available connection": _NO_SLOT,
    "connection slot": _NO_SLOT,
    "UnknownObject": "the device has disappeared",
    "AccessDenied": "this user is not allowed to use Bluetooth: run `sudo adduser USER bluetooth`",
}


def reason_of(error: BaseException) -> str:
    """Return the error in plain words, followed by its own text in parentheses."""
    if isinstance(error, FileNotFoundError | ConnectionRefusedError):
        return f"D-Bus, which BlueZ needs, is not running on this computer: {error}"
    if isinstance(error, TimeoutError):
        return "no answer in time"
    text = text_of(error)
    for known, meaning in _MEANINGS.items():
        if known in text:
            return f"{meaning} ({text})"
    return text


def text_of(error: BaseException) -> str:
    """Return the error's own text, or its arguments if `str` fails.

    bleak's errors parse BlueZ's text in `__str__`, which raises ValueError for some texts.
    """
    try:
        return str(error) or type(error).__name__
    except ValueError:
        return ", ".join(map(str, error.args))
