"""What a broker's refusal of a connection means, and what to do about it. Pure.

Reason codes of a CONNACK: MQTT 5.0, section 3.2.2.2; the ones AWS IoT Core sends: "MQTT reason
codes" in its developer guide.
"""

from awscrt import mqtt5

from gateway.cloud.diagnosis import Diagnosis
from gateway.cloud.mqtt_errors import FOR_NOW, FROM_NOW_ON, MOVED, other_server
from gateway.config.cloud import CloudConfig

_ALLOWED = (
    "with AWS IoT Core, check that the certificate is active and attached to the thing, and that "
    "its policy allows iot:Connect for client/{client_id}; with any other broker, check that its "
    "access list allows {client_id} to connect"
)
_ALLOWED_HERE = "check that the broker on this computer allows {client_id} to connect"
_LOG = "the broker's log has the reason"
_LATER = "the gateway keeps trying; if this lasts, {then}"
_BROKER_DOWN = _LATER.format(then="check whether the broker is well, or ask its operator")
_MQTT_5 = "use a broker that supports MQTT 5, such as AWS IoT Core, or mosquitto 1.6 or newer"
_CERTIFICATE_ONLY = (
    "the gateway presents a certificate, and sends no user name or password: let the broker accept "
    "clients by their certificates alone (mosquitto: require_certificate true, "
    "use_identity_as_username true)"
)
_ANONYMOUS = (
    "the gateway sends no user name or password: let the broker on this computer accept clients "
    "without them (mosquitto: allow_anonymous true)"
)
_NO_WILL = f"this answer is about a Will, but the gateway sends none; {_LOG}"
_CLIENT_ID = (
    "the client id is made from thing_name: let the broker allow it, or give the gateway another "
    "thing_name"
)
_QUOTA = _LATER.format(
    then="with AWS IoT Core, compare the account's connections with its quota (AWS console, "
    "Service Quotas); with any other broker, raise its limit on clients"
)
_RATE = _LATER.format(
    then="look for another client that connects as {client_id}, and for many that connect at once"
)

#: What the broker states, and what to do about it, by reason code. Where the remedy is None,
#: permission to connect is missing, or may be.
#: None is a code that the SDK does not know, such as a return code of MQTT 3.1.1.
_REFUSALS: dict[int | None, tuple[str, str | None]] = {
    None: ("it gives a reason that MQTT 5 does not have", f"{_MQTT_5}; {_LOG}"),
    0x80: ("it gives no reason (unspecified error)", None),
    0x81: ("it cannot read the gateway's request (malformed packet)", f"{_MQTT_5}; {_LOG}"),
    0x82: ("it cannot read the gateway's request (protocol error)", f"{_MQTT_5}; {_LOG}"),
    0x83: ("it has a reason of its own (implementation specific error)", _LOG),
    0x84: ("it does not support MQTT 5 (unsupported protocol version)", _MQTT_5),
    0x85: ("it does not accept the client id {client_id}", _CLIENT_ID),
    0x86: ("it expects a user name and password", _CERTIFICATE_ONLY),
    0x87: ("{client_id} is not authorised to connect", None),
    0x88: ("it is not available", _BROKER_DOWN),
    0x89: ("it is busy", _BROKER_DOWN),
    0x8A: ("it has banned {client_id}", "ask the broker's operator to lift the ban"),
    0x8C: ("it expects another way to authenticate", _CERTIFICATE_ONLY),
    0x90: ("it does not accept the topic of a Will (topic name invalid)", _NO_WILL),
    0x95: (
        "the gateway's request is larger than the broker's limit (packet too large)",
        "raise the broker's limit for packets to 1 KB or more (mosquitto: max_packet_size)",
    ),
    0x97: ("a limit on its clients is exceeded (quota exceeded)", _QUOTA),
    0x99: ("it does not accept the payload of a Will (payload format invalid)", _NO_WILL),
    0x9A: ("it does not retain a Will (retain not supported)", _NO_WILL),
    0x9B: ("it does not support the QoS of a Will (QoS not supported)", _NO_WILL),
    0x9C: (f"{FOR_NOW} (use another server)", MOVED),
    0x9D: (f"{FROM_NOW_ON} (server moved)", MOVED),
    0x9F: ("too many clients connect at once (connection rate exceeded)", _RATE),
}

#: An answer that awscrt drops without a report, as it does if a text in it is not UTF-8.
UNREADABLE = Diagnosis(
    "the broker's answer cannot be read, perhaps because a text in it is not UTF-8",
    f"check the broker, and the network's equipment between it and the gateway; {_LOG}",
    is_refusal=True,
)


def refusal(cloud: CloudConfig, client_id: str, answer: mqtt5.ConnackPacket) -> Diagnosis:
    """Return what the broker's refusal of this client means, and what to do about it."""
    if answer.reason_code is mqtt5.ConnectReasonCode.SUCCESS:  # awscrt found fault with the rest
        what = "the broker accepted the client, but its answer contradicts MQTT 5"
        return Diagnosis(what, f"{_MQTT_5}; {_LOG}", is_refusal=True)
    what, remedy = _REFUSALS[answer.reason_code]
    if cloud.plaintext and remedy is _CERTIFICATE_ONLY:
        remedy = _ANONYMOUS
    facts = {"client_id": client_id, "server": other_server(answer.server_reference)}
    return Diagnosis(
        f"the broker refused the client: {what.format(**facts)}",
        remedy.format(**facts) if remedy else permission_remedy(cloud, client_id),
        is_refusal=True,
    )


def permission_remedy(cloud: CloudConfig, client_id: str) -> str:
    """Return what to do about a client that may have no permission to connect."""
    return (_ALLOWED_HERE if cloud.plaintext else _ALLOWED).format(client_id=client_id)
