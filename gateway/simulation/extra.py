"""The `demo` extra: the optional packages that the local cloud needs."""

from importlib.util import find_spec

from gateway.host.errors import GatewayError

#: The servers of the demo listen only on this address.
LOOPBACK = "127.0.0.1"

#: The modules that the `demo` extra installs and this package imports: module → distribution.
#: Flask comes with moto's `server` extra: if it is missing, moto was installed without that extra.
_NEEDED = {
    "boto3": "boto3",
    "flask": "moto[server,kinesis]",
    "iotcore": "iotcore",
    "moto": "moto[server,kinesis]",
    "yaml": "pyyaml",
}


class DemoExtraError(GatewayError):
    """The `demo` extra is not installed. The message gives the command that installs it."""


def require_demo_extra() -> None:
    """Raise DemoExtraError if a package is missing. Call this before importing the local cloud."""
    missing = dict.fromkeys(dist for module, dist in _NEEDED.items() if find_spec(module) is None)
    if missing:
        raise DemoExtraError(
            "the cloud on this machine needs packages that are not installed: "
            f"{', '.join(missing)}; install them with: pip install 'alleycat-gateway[demo]'"
        )
