"""The topic of the results is not one of the gateway's own."""

import pytest

from gateway.config.topics import results_topic_problem

COMMANDS = "alleycat/gateways/gateway-1/race"


@pytest.mark.parametrize(
    ("topic", "problem"),
    [
        (
            "alleycat-publish",
            "'alleycat-publish' is cloud.topic, to which this gateway publishes; ",
        ),
        (COMMANDS, f"'{COMMANDS}' is for race commands to this gateway; "),
        (f"{COMMANDS}/answers", f"'{COMMANDS}/answers' is for race commands to this gateway; "),
    ],
)
def test_results_topic_that_the_gateway_uses_is_a_problem(topic: str, problem: str) -> None:
    found = results_topic_problem(topic, "alleycat-publish", "gateway-1")
    assert found == f"{problem}expected the topic on which the backend publishes results"


@pytest.mark.parametrize(
    "topic",
    [None, "alleycat-subscribe", "alleycat-publish/results", f"{COMMANDS}s", f"{COMMANDS[:-1]}2"],
)
def test_results_topic_next_to_the_gateways_own_is_no_problem(topic: str | None) -> None:
    assert results_topic_problem(topic, "alleycat-publish", "gateway-1") is None
