"""The page on the original backend: its policy does what the text states, its commands exist."""

import json
import re
from collections.abc import Iterator

import botocore.session
import pytest
from botocore import xform_name

from docs.build_site import ROOT
from gateway.race.commands import command_topic
from gateway.simulation.cloud.rule import load_rule
from tests.support.cloud_template import PATH, IotPolicy

PAGES = [ROOT / "docs" / name for name in ("aws.md", "original-backend.md")]
#: Options of the AWS command line that are not parameters of the call.
CLI_OPTIONS = {"output", "query", "certificate-pem-outfile", "private-key-outfile"}


def page_policy() -> IotPolicy:
    [policy] = re.findall(r"(?ms)^```json\n(.*?)^```", PAGES[1].read_text(encoding="utf-8"))
    return IotPolicy(json.loads(policy)["Statement"])


@pytest.mark.parametrize(
    ("action", "resource"),
    [
        # The calls of the original page, frontend/src/components/IoT.vue.
        ("Connect", "client/alleycat-17"),
        ("Publish", "topic/alleycat-publish"),
        ("Subscribe", "topicfilter/alleycat-subscribe"),
        ("Receive", "topic/alleycat-subscribe"),
    ],
)
def test_page_policy_allows_what_the_page_does(action: str, resource: str) -> None:
    assert page_policy().allows("", action, resource)


@pytest.mark.parametrize(
    ("action", "resource"),
    [
        ("Connect", "client/gateway-1"),
        ("Publish", f"topic/{command_topic('gateway-1')}"),
        ("Publish", f"topic/$aws/rules/{load_rule(PATH.read_text()).name}/alleycat-publish"),
        ("Publish", "topic/alleycat-subscribe"),
        ("Subscribe", "topicfilter/#"),
        ("Subscribe", "topicfilter/alleycat-publish"),
        ("Subscribe", f"topicfilter/{command_topic('gateway-1')}/response"),
        ("Receive", "topic/alleycat-publish"),
        ("Receive", f"topic/{command_topic('gateway-1')}"),
    ],
)
def test_page_policy_allows_neither_commands_nor_reading_telemetry(
    action: str, resource: str
) -> None:
    assert not page_policy().allows("", action, resource)


def aws_commands() -> Iterator[tuple[str, str, str]]:
    """Yield service, operation and the rest of each call of the AWS command line."""
    for page in PAGES:
        text = page.read_text(encoding="utf-8").replace("\\\n", " ")
        for call in re.split(r"\$\(|\n|`", text):
            found = re.match(r"\s*aws ([a-z-]+) ([a-z-]+)(.*)", call)
            if found and (found[1], found[2]) != ("cloudformation", "deploy"):
                yield found[1], found[2], found[3]


@pytest.mark.parametrize(("service", "operation", "rest"), list(aws_commands()))
def test_aws_command_exists_and_has_its_options(service: str, operation: str, rest: str) -> None:
    model = botocore.session.get_session().get_service_model(service)
    [name] = [one for one in model.operation_names if xform_name(one, "-") == operation]
    members = model.operation_model(name).input_shape.members
    known = {xform_name(member, "-") for member in members} | CLI_OPTIONS
    assert set(re.findall(r"--([a-z][a-z-]*)", rest)) <= known
    required = {
        xform_name(one, "-") for one in model.operation_model(name).input_shape.required_members
    }
    assert all(f"--{option} " in f"{rest} " for option in required)
