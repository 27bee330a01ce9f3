"""Which environment variable a problem of the config comes from, and which ones mean nothing."""

import pytest

from gateway.config.environment import in_variables, unknown_variables, unused_proxies
from gateway.config.problems import Problem

KEYS = ("thing_name", "cloud")


@pytest.mark.parametrize("name", ["ALLEYCAT_CLOUD__PORT", "alleycat_cloud__port"])
def test_problem_names_the_variable_that_overrides_its_key(name: str) -> None:
    problems = [Problem("cloud.port", "got 'x'"), Problem("thing_name", "missing")]
    port, thing = in_variables(problems, {name: "x", "PATH": "/bin"})
    assert (port.place, thing.place) == (f"environment variable {name}", "thing_name")


def test_unknown_variable_is_reported_with_a_similar_one() -> None:
    environment = {
        "ALLEYCAT_FOO": "1",
        "ALLEYCAT_THINGNAME": "x",
        "ALLEYCAT_CLOUD__PORT": "1",
        "_ALLEYCAT_GATEWAY_COMPLETE": "complete_bash",
        "HOME": "/root",
    }
    assert [(one.key, one.what) for one in unknown_variables(KEYS, environment)] == [
        ("ALLEYCAT_FOO", "unknown environment variable; it has no effect"),
        (
            "ALLEYCAT_THINGNAME",
            "unknown environment variable; did you mean ALLEYCAT_THING_NAME?",
        ),
    ]


def test_proxy_of_the_environment_is_a_warning_that_it_is_not_used() -> None:
    environment = {"https_proxy": "http://ada:secret@p:1", "NO_PROXY": "x", "ALL_PROXY": ""}
    (found,) = unused_proxies(environment)
    assert found.key == "https_proxy"
    assert "it connects directly" in found.what
    assert "cloud.proxy" in found.remedy
    assert "secret" not in found.what
