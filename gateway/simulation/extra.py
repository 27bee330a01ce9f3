"""The cloud on one machine: broker, the shipped IoT rule, Kinesis, leaderboard.

gateways → network → broker → rule_engine (rule) → kinesis → leaderboard
"""

from importlib.util import find_spec

from gateway.host.errors import GatewayError

#: Everything in the demo listens here and nowhere else.
LOOPBACK = "127.0.0.1"

#: What the `demo` extra installs and the modules of this package import: module → distribution.
#: Flask comes with moto's `server` extra, so its absence tells of a bare moto.
_NEEDED = {
    "boto3": "boto3",
    "flask": "moto[server,kinesis]",
    "iotcore": "iotcore",
    "moto": "moto[server,kinesis]",
    "yaml": "pyyaml",
}


class DemoExtraError(GatewayError):
    """The `demo` extra is not installed. The text says what to do."""


def require_demo_extra() -> None:
    """To be called before any module of this package is imported. Raises DemoExtraError."""
    missing = dict.fromkeys(dist for module, dist in _NEEDED.items() if find_spec(module) is None)
    if missing:
        raise DemoExtraError(
            f"the demo needs {', '.join(missing)}, which a gateway does not: "
            "pip install 'alleycat-gateway[demo]'"
        )
