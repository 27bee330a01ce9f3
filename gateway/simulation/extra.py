"""The `demo` extra: the optional packages that the local cloud needs."""

from importlib.util import find_spec

from gateway.host.errors import GatewayError

#: The servers of the demo listen only on this address.
LOOPBACK = "127.0.0.1"

#: The modules that the `demo` extra installs and this package imports: module → distribution.
_NEEDED = {
    "boto3": "boto3",
    "flask": "flask",
    "flask_cors": "flask-cors",
    "iotcore": "iotcore",
    "moto": "moto",
    "yaml": "pyyaml",
}


class DemoExtraError(GatewayError):
    """The `demo` extra is not installed. The message explains how to install it."""


def require_demo_extra() -> None:
    """Raise DemoExtraError if a package is missing. Call this before importing the local cloud."""
    missing = [dist for module, dist in _NEEDED.items() if find_spec(module) is None]
    if missing:
        raise DemoExtraError(
            "the cloud on this computer needs packages that are not installed: "
            f"{', '.join(missing)}; in a checkout of the gateway, run `make demo`, or install them "
            "with: pip install '.[demo]'"
        )
