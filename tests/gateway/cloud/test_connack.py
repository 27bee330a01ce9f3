"""Every reason code of a CONNACK has words and advice of its own (MQTT 5.0, 3.2.2.2)."""

import pytest
from awscrt import mqtt5

from gateway.cloud.connack import refusal
from gateway.cloud.mqtt_errors import SERVER_MAX
from gateway.config.cloud import CloudConfig

HERE = CloudConfig(endpoint="127.0.0.1", plaintext=True)
AWS = HERE.model_copy(update={"endpoint": "a-ats.iot.eu-west-1.amazonaws.com", "plaintext": False})
SPECIFICATION = [
    *(0x80, 0x81, 0x82, 0x83, 0x84, 0x85, 0x86, 0x87, 0x88, 0x89, 0x8A, 0x8C, 0x90, 0x95, 0x97),
    *(0x99, 0x9A, 0x9B, 0x9C, 0x9D, 0x9F),
]
#: The only codes that permission to connect can be the cause of.
PERMISSION = (0x80, 0x87)


def answer(code: int | None, **more: object) -> mqtt5.ConnackPacket:
    known = None if code is None else mqtt5.ConnectReasonCode(code)
    return mqtt5.ConnackPacket(reason_code=known, **more)


def test_codes_of_the_specification_are_those_of_the_sdk() -> None:
    assert [0, *SPECIFICATION] == list(mqtt5.ConnectReasonCode)


@pytest.mark.parametrize("cloud", [HERE, AWS])
@pytest.mark.parametrize("code", [None, *SPECIFICATION])
def test_refusal_is_blamed_on_the_policy_only_if_it_may_be(
    code: int | None, cloud: CloudConfig
) -> None:
    found = refusal(cloud, "gateway-1", answer(code))
    assert found.what.startswith("the broker refused the client: ")
    assert found.is_refusal
    assert found.remedy
    assert not {"{", "}"} & set(str(found))
    assert ("iot:Connect for client/gateway-1" in found.remedy) == (
        code in PERMISSION and cloud is AWS
    )
    assert ("allows gateway-1 to connect" in found.remedy) == (code in PERMISSION)


def test_reasons_are_told_apart() -> None:
    reasons = [refusal(AWS, "gateway-1", answer(code)).what for code in (None, *SPECIFICATION)]
    assert len(set(reasons)) == len(reasons)


@pytest.mark.parametrize(
    ("code", "what", "remedy"),
    [
        (0x81, "cannot read the gateway's request (malformed packet)", "supports MQTT 5"),
        (0x84, "does not support MQTT 5", "use a broker that supports MQTT 5"),
        (0x85, "does not accept the client id gateway-1", "another thing_name"),
        (0x86, "expects a user name and password", "accept clients by their certificates alone"),
        (0x88, "is not available", "the gateway keeps trying"),
        (0x89, "is busy", "the gateway keeps trying"),
        (0x8A, "has banned gateway-1", "ask the broker's operator to lift the ban"),
        (0x8C, "expects another way to authenticate", "by their certificates alone"),
        (0x90, "the topic of a Will", "the gateway sends none"),
        (0x95, "larger than the broker's limit", "max_packet_size"),
        (0x97, "quota exceeded", "with its quota"),
        (0x9C, "asks the gateway to use another server for now", "set cloud.endpoint"),
        (0x9D, "asks the gateway to use another server from now on", "set cloud.endpoint"),
        (0x9F, "too many clients connect at once", "another client that connects as gateway-1"),
    ],
)
def test_advice_fits_the_reason(code: int, what: str, remedy: str) -> None:
    found = refusal(AWS, "gateway-1", answer(code))
    assert what in found.what
    assert remedy in found.remedy


@pytest.mark.parametrize("code", [0x86, 0x8C])
def test_broker_without_tls_is_not_advised_to_ask_for_certificates(code: int) -> None:
    found = refusal(HERE, "gateway-1", answer(code))
    assert "allow_anonymous true" in found.remedy
    assert "certificate" not in str(found)


def test_other_server_is_named_on_one_line_of_limited_length() -> None:
    moved = answer(0x9D, server_reference="b.example.com:8883\x1b[2J\n" + "x" * 1000)
    what = refusal(AWS, "gateway-1", moved).what
    assert "use b.example.com:8883 [2J xxx" in what
    assert len(what) < SERVER_MAX + 100


def test_name_in_braces_is_repeated_as_it_is() -> None:
    moved = answer(0x9D, server_reference="{client_id}{0}")
    assert "use {client_id}{0} from now on" in refusal(AWS, "gateway-1", moved).what


def test_acceptance_that_the_sdk_refuses_is_not_called_a_refusal() -> None:
    found = refusal(AWS, "gateway-1", answer(0, session_present=True))
    assert "refused" not in found.what
    assert "contradicts MQTT 5" in found.what
