"""What a broker's answer, or its silence, means for a message, and in words for a person. Pure.

Reason codes: MQTT 5.0, 2.4; which ones AWS IoT Core sends: "MQTT reason codes" in its developer
guide. SDK error names: awscrt.
"""

from gateway.cloud.uplink import Answer, Verdict

ACCEPTED = Answer(Verdict.ACCEPTED)

#: Reason codes from here on are failures, in every packet (MQTT 5.0, 2.4).
FIRST_FAILURE = 0x80

#: PUBACK; any other code is worth a retry.
_PUBACKS = {
    0x00: ACCEPTED,
    0x10: ACCEPTED,  # no matching subscribers: a rule may have it all the same
    0x87: Answer(Verdict.REFUSED, "not authorised to publish to this topic"),
    0x90: Answer(Verdict.REFUSED, "topic not valid"),
    0x97: Answer(Verdict.SLOW_DOWN, "quota exceeded"),
    0x99: Answer(Verdict.REFUSED, "payload format not valid"),
}

#: DISCONNECT; any other code is under suspicion: it may be over one of the messages in flight.
_DISCONNECTS = {
    0x89: Verdict.RETRY,  # server busy
    0x8B: Verdict.RETRY,  # server shutting down
    0x8D: Verdict.RETRY,  # keep-alive timeout
    0x8E: Verdict.RETRY,  # session taken over
    0x98: Verdict.RETRY,  # administrative action
    0x9C: Verdict.RETRY,  # use another server
    0x9D: Verdict.RETRY,  # server moved
    0x9F: Verdict.RETRY,  # connection rate exceeded
    0xA0: Verdict.RETRY,  # maximum connect time
    0x93: Verdict.SLOW_DOWN,  # receive maximum exceeded
    0x96: Verdict.SLOW_DOWN,  # message rate too high
    0x97: Verdict.SLOW_DOWN,  # quota exceeded
}

#: The SDK gave up on a message; any other error is worth a retry.
_FAILURES = {
    # No PUBACK in time: discarded, as IoT Core does without a word above 100 publishes/s.
    "AWS_ERROR_MQTT_TIMEOUT": Verdict.SLOW_DOWN,
    # Larger than the broker said it takes.
    "AWS_ERROR_MQTT5_PACKET_VALIDATION": Verdict.REFUSED,
    "AWS_ERROR_MQTT5_ENCODE_FAILURE": Verdict.REFUSED,
}

#: A broker that hangs up without a word may do so over a message.
_HANGUPS = ("AWS_ERROR_MQTT_UNEXPECTED_HANGUP", "AWS_IO_SOCKET_CLOSED", "AWS_IO_TLS_CLOSED_ABORT")

#: A broker that does not take a client's certificate ends the connection without a word of MQTT.
_BREAK_OFFS = ("AWS_IO_TLS_ERROR_READ_FAILURE", "AWS_IO_TLS_ERROR_ALERT_RECEIVED", *_HANGUPS)

#: What to do about the failures a person can mend.
_REMEDIES = {
    "AWS_IO_TLS_ERROR_NEGOTIATION_FAILURE": "TLS handshake failed: the broker's certificate is not"
    " signed by cloud.ca_file, or is for another host name",
    "AWS_IO_TLS_NEGOTIATION_TIMEOUT": "TLS handshake timed out: is this an MQTT-over-TLS port?",
    "AWS_IO_DNS_INVALID_NAME": "host name unknown: check cloud.endpoint, and the network",
    "AWS_IO_DNS_QUERY_FAILED": "host name not resolved: check cloud.endpoint, and the network",
    "AWS_IO_SOCKET_CONNECTION_REFUSED": "connection refused: nothing listens there",
    "AWS_IO_SOCKET_TIMEOUT": "no answer: host or network down, or a firewall in between",
    "AWS_IO_SOCKET_NO_ROUTE_TO_HOST": "no route to host: the network is down",
    "AWS_IO_SOCKET_NETWORK_DOWN": "the network is down",
    "AWS_IO_SOCKET_CLOSED": "the broker closed the connection",
    "AWS_ERROR_MQTT_UNEXPECTED_HANGUP": "the broker hung up",
    "AWS_ERROR_MQTT_TIMEOUT": "no answer in time: the link is dead",
    "AWS_ERROR_MQTT5_PING_RESPONSE_TIMEOUT": "no answer to a ping: the link is dead",
    "AWS_ERROR_MQTT5_CONNACK_TIMEOUT": "connected, but no MQTT answer in time",
}


def puback_answer(code: int, code_name: str) -> Answer:
    """`code_name`: as the SDK calls it, for codes that are not known here."""
    return _PUBACKS.get(code) or Answer(Verdict.RETRY, words(code_name))


def failure_answer(error_name: str, message: str) -> Answer:
    """The SDK has given up on a message."""
    verdict = _FAILURES.get(error_name, Verdict.RETRY)
    if verdict is Verdict.SLOW_DOWN:
        return Answer(verdict, f"no answer in time: discarded, or lost on its way ({error_name})")
    return Answer(verdict, explain(error_name, message))


def disconnect_answer(code: int, code_name: str) -> Answer:
    """The broker has said why it disconnects us."""
    verdict = _DISCONNECTS.get(code, Verdict.SUSPECT)
    return Answer(verdict, f"the broker disconnected us: {words(code_name)}")


def end_answer(error_name: str, message: str) -> Answer:
    """The connection has ended without a DISCONNECT."""
    verdict = Verdict.SUSPECT if error_name in _HANGUPS else Verdict.RETRY
    return Answer(verdict, explain(error_name, message))


def explain(error_name: str, message: str) -> str:
    remedy = _REMEDIES.get(error_name, message)
    return f"{remedy} ({error_name})" if error_name else remedy


def explain_failed_connect(error_name: str, message: str) -> str:
    if error_name in _BREAK_OFFS:
        return (
            "the broker ended the connection before accepting it: is cloud.certificate_file from "
            "a CA it trusts, active, and does its policy let this thing_name connect? "
            f"({error_name})"
        )
    return explain(error_name, message)


def words(code_name: str) -> str:
    return code_name.replace("_", " ").lower()
