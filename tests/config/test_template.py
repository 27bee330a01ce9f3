"""config/aws/template.yaml: valid CloudFormation, and the contract between gateway and cloud."""

import inspect
import json
import re
import subprocess
import sys
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

import pytest

from gateway.cli.aws.provision import provision
from gateway.cloud.connections import BIKES_PER_CONNECTION, client_ids
from gateway.config.cloud import CloudConfig
from gateway.doctor.endpoint import probe_topic
from gateway.provisioning.aws import ISSUE_TOPIC, claim_client_id, register_topic
from gateway.race.commands import command_topic
from gateway.simulation.cloud.rule import Rule, load_rule
from tests.support.cloud_template import ARN, PATH, CloudTemplate

pytestmark = pytest.mark.xdist_group("template")  # one worker makes the fixtures of the module

DOCS = Path(__file__).parents[2] / "docs"
TOPIC = CloudConfig.model_fields["topic"].default
TEMPLATE_NAME = inspect.signature(provision).parameters["template"].default


@pytest.fixture(scope="module")
def deployed() -> CloudTemplate:
    return CloudTemplate()


@pytest.mark.slow
def test_cfn_lint_finds_nothing_not_even_a_hint() -> None:
    program = "from cfnlint.runner import main; main()"
    command = [sys.executable, "-c", program, "--include-checks", "I", "--", str(PATH)]
    lint = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (lint.stdout + lint.stderr, lint.returncode) == ("", 0)


def test_the_rule_is_what_the_backend_expects() -> None:
    assert load_rule(PATH.read_text()) == Rule(
        name="alleycat_telemetry",
        topic_filter="alleycat-publish",
        stream="alleycat",
        partition_key="${raceId}",
    )


def test_the_gateways_publish_to_the_topic_that_the_rule_reads(deployed: CloudTemplate) -> None:
    assert deployed.parameters["Topic"] == TOPIC == load_rule(PATH.read_text()).topic_filter


def test_the_test_message_of_check_is_allowed_and_not_selected_by_the_rule() -> None:
    topic = probe_topic("gateway-1")
    assert thing_may("Publish", f"topic/{topic}")
    assert not fnmatchcase(topic, re.sub(r"[+#]", "*", load_rule(PATH.read_text()).topic_filter))


def test_failed_telemetry_is_kept_for_as_long_as_sqs_can(deployed: CloudTemplate) -> None:
    [rule] = deployed.of_type("AWS::IoT::TopicRule").values()
    error_action = rule["TopicRulePayload"]["ErrorAction"]["Sqs"]
    assert error_action["QueueUrl"] == "<FailedTelemetryQueue>"
    queue = deployed.resources["FailedTelemetryQueue"]
    assert queue["Properties"]["MessageRetentionPeriod"] == 14 * 24 * 3600
    assert queue["DeletionPolicy"] == "Retain"
    # `redrive --dry-run` receives every message: with a dead-letter queue, that could move them.
    assert "RedrivePolicy" not in queue["Properties"]


@pytest.mark.parametrize(
    ("role", "action", "resource"),
    [
        (
            "PutRecordRole",
            "kinesis:PutRecord",
            "arn:aws:kinesis:eu-west-1:123456789012:stream/alleycat",
        ),
        ("KeepFailedRole", "sqs:SendMessage", "<FailedTelemetryQueue>.Arn"),
    ],
)
def test_each_role_may_do_one_thing_for_one_rule(
    deployed: CloudTemplate, role: str, action: str, resource: str
) -> None:
    properties = deployed.of_type("AWS::IAM::Role")[role]
    [policy] = properties["Policies"]
    [allowed] = policy["PolicyDocument"]["Statement"]
    assert allowed == {"Effect": "Allow", "Action": action, "Resource": resource}
    [trust] = properties["AssumeRolePolicyDocument"]["Statement"]
    assert trust["Condition"] == {
        "ArnLike": {"aws:SourceArn": f"{ARN}rule/{deployed.parameters['RuleName']}"},
        "StringEquals": {"aws:SourceAccount": "123456789012"},
    }


def thing_may(action: str, resource: str) -> bool:
    return CloudTemplate().policy("ThingPolicy").allows("gateway-1", action, resource)


def test_thing_may_receive_results_only_from_the_topic_that_is_given() -> None:
    def rights(**parameters: str) -> dict[str, set[str]]:
        policy = CloudTemplate(**parameters).policy("ThingPolicy")
        actions = ("Connect", "Publish", "Subscribe", "Receive")
        return {action: set(policy.patterns("gateway-1", action)) for action in actions}

    without, with_results = rights(), rights(ResultsTopic="alleycat-subscribe")
    added = {action: with_results[action] - without[action] for action in without}
    assert added == {
        "Connect": set(),
        "Publish": set(),
        "Subscribe": {f"{ARN}topicfilter/alleycat-subscribe"},
        "Receive": {f"{ARN}topic/alleycat-subscribe"},
    }
    assert all(without[action] <= with_results[action] for action in without)


@pytest.mark.slow
def test_a_thing_may_do_what_its_gateway_does() -> None:
    commands = command_topic("gateway-1")
    for client_id in client_ids("gateway-1", 12 * BIKES_PER_CONNECTION):
        assert thing_may("Connect", f"client/{client_id}")
    assert thing_may("Publish", f"topic/{TOPIC}")
    assert thing_may("Subscribe", f"topicfilter/{commands}")
    assert thing_may("Receive", f"topic/{commands}")
    assert thing_may("Publish", f"topic/{commands}/response")


@pytest.mark.parametrize(
    ("action", "resource"),
    [
        ("Connect", "client/gateway-2"),
        ("Connect", "client/gateway-10"),
        ("Connect", "client/gateway-2:2"),
        ("Connect", f"client/{claim_client_id('gateway-1')}"),
        ("Publish", f"topic/{TOPIC}/more"),
        ("Publish", "topic/alleycat"),
        ("Publish", f"topic/{command_topic('gateway-1')}"),
        ("Publish", f"topic/{command_topic('gateway-2')}/response"),
        ("Publish", f"topic/{ISSUE_TOPIC}"),
        ("Publish", f"topic/{register_topic(TEMPLATE_NAME)}"),
        ("Subscribe", f"topicfilter/{TOPIC}"),
        ("Subscribe", f"topicfilter/{command_topic('gateway-2')}"),
        ("Subscribe", f"topicfilter/{command_topic('+')}"),
        ("Subscribe", f"topicfilter/{command_topic('gateway-1')}/#"),
        ("Subscribe", "topicfilter/#"),
        ("Receive", f"topic/{command_topic('gateway-2')}"),
        ("Receive", f"topic/{TOPIC}"),
        ("RetainPublish", f"topic/{TOPIC}"),
    ],
)
def test_a_thing_may_do_nothing_else(action: str, resource: str) -> None:
    assert not thing_may(action, resource)


def claim_may(action: str, resource: str) -> bool:
    return CloudTemplate().policy("ClaimPolicy").allows("", action, resource)


@pytest.mark.slow
def test_a_claim_may_do_what_provisioning_does() -> None:
    assert claim_may("Connect", f"client/{claim_client_id('gateway-1')}")
    for topic in (ISSUE_TOPIC, register_topic(TEMPLATE_NAME)):
        assert claim_may("Publish", f"topic/{topic}")
        for answer in ("accepted", "rejected"):
            assert claim_may("Subscribe", f"topicfilter/{topic}/{answer}")
            assert claim_may("Receive", f"topic/{topic}/{answer}")


@pytest.mark.parametrize(
    ("action", "resource"),
    [
        ("Connect", "client/gateway-1"),
        ("Publish", f"topic/{TOPIC}"),
        ("Publish", f"topic/{register_topic('another')}"),
        ("Publish", "topic/$aws/certificates/create/json"),
        ("Subscribe", f"topicfilter/{ISSUE_TOPIC}"),
        ("Subscribe", f"topicfilter/{command_topic('gateway-1')}"),
        ("Receive", f"topic/{command_topic('gateway-1')}"),
    ],
)
def test_a_claim_may_do_nothing_else(action: str, resource: str) -> None:
    assert not claim_may(action, resource)


def provisioning_body(deployed: CloudTemplate) -> dict[str, Any]:
    [made] = deployed.of_type("AWS::IoT::ProvisioningTemplate").values()
    assert made["TemplateName"] == TEMPLATE_NAME
    body: dict[str, Any] = json.loads(made["TemplateBody"])
    return body


def test_provisioning_template_takes_the_thing_name_alone(deployed: CloudTemplate) -> None:
    body = provisioning_body(deployed)
    own = {name for name in body["Parameters"] if not name.startswith("AWS::")}
    assert own == {"ThingName"}
    assert body["Resources"]["thing"]["Properties"] == {"ThingName": {"Ref": "ThingName"}}


def test_certificate_belongs_to_its_thing_alone_and_has_its_policy(
    deployed: CloudTemplate,
) -> None:
    resources = provisioning_body(deployed)["Resources"]
    # Without this the policy knows no thing for the client ids `<thing>:2`, `<thing>:3`.
    assert resources["certificate"]["Properties"]["ThingPrincipalType"] == "EXCLUSIVE_THING"
    assert resources["certificate"]["Properties"]["Status"] == "ACTIVE"
    assert resources["policy"]["Properties"] == {"PolicyName": "<ThingPolicy>"}


@pytest.mark.parametrize(
    ("parameters", "missing"),
    [
        ({}, set()),
        ({"CreateStream": "false", "StreamName": "races"}, {"AWS::Kinesis::Stream"}),
        ({"CreateRule": "false", "RuleName": "theirs"}, {"AWS::IoT::TopicRule", "AWS::SQS::Queue"}),
    ],
)
def test_template_makes_no_resource_that_an_existing_stack_has(
    parameters: dict[str, str], missing: set[str]
) -> None:
    whole, beside = CloudTemplate(), CloudTemplate(**parameters)
    types = {one["Type"] for one in whole.resources.values()}
    assert types - {one["Type"] for one in beside.resources.values()} == missing
    for resource in beside.resources.values():
        beside.resolve(resource["Properties"])  # nothing refers to what is not made


def test_names_of_an_existing_stack_are_used_throughout() -> None:
    names = {"StreamName": "races", "Topic": "their/topic", "RuleName": "theirs"}
    beside = CloudTemplate(CreateStream="false", **names)
    everything = json.dumps([beside.resolve(r["Properties"]) for r in beside.resources.values()])
    for default in (TOPIC, "alleycat_telemetry", "stream/alleycat"):
        assert default not in everything
    [rule] = beside.of_type("AWS::IoT::TopicRule").values()
    assert rule["TopicRulePayload"]["Sql"] == "SELECT * FROM 'their/topic'"
    assert beside.policy("ThingPolicy").allows("gateway-1", "Publish", "topic/their/topic")


def metric(alarm: dict[str, Any]) -> str:
    if "MetricName" in alarm:
        [dimension] = alarm["Dimensions"]
        return f"{alarm['Namespace']} {alarm['MetricName']} of {dimension['Value']}"
    [query] = alarm["Metrics"]
    expression: str = query["Expression"]
    return expression


def test_alarms_cover_each_way_a_second_is_late_or_lost(deployed: CloudTemplate) -> None:
    alarms = deployed.of_type("AWS::CloudWatch::Alarm")
    of_rule = "FROM \"AWS/IoT\" WHERE RuleName = 'alleycat_telemetry'"
    assert {name: metric(alarm) for name, alarm in alarms.items()} == {
        "RuleFailsAlarm": f"SELECT SUM(Failure) {of_rule}",
        "SecondsLostAlarm": f"SELECT SUM(ErrorActionFailure) {of_rule}",
        "RuleThrottledAlarm": f"SELECT SUM(RuleMessageThrottled) {of_rule}",
        "FailedTelemetryAlarm": "AWS/SQS ApproximateNumberOfMessagesVisible of "
        "<FailedTelemetryQueue>.QueueName",
        "ConsumerBehindAlarm": "AWS/Kinesis GetRecords.IteratorAgeMilliseconds of alleycat",
    }
    assert {alarm["TreatMissingData"] for alarm in alarms.values()} == {"notBreaching"}


@pytest.mark.parametrize(
    ("topic", "told"), [("", None), ("arn:aws:sns:a:b:c", ["arn:aws:sns:a:b:c"])]
)
def test_alarms_tell_a_topic_if_there_is_one(topic: str, told: list[str] | None) -> None:
    for alarm in CloudTemplate(AlarmTopicArn=topic).of_type("AWS::CloudWatch::Alarm").values():
        assert alarm["AlarmActions"] == alarm["OKActions"] == told


def test_the_documented_parameters_outputs_and_topics_exist(
    deployed: CloudTemplate,
) -> None:
    aws = (DOCS / "aws.md").read_text(encoding="utf-8")
    backend = (DOCS / "original-backend.md").read_text(encoding="utf-8")
    overrides = re.findall(r"\b([A-Z]\w+)=(?!=)", aws + backend)
    assert {"CreateStream", "StreamName", "CreateRule"} <= set(overrides)
    assert set(overrides) <= set(deployed.parameters)
    outputs = re.findall(r"OutputKey=='(\w+)'", aws)
    assert outputs
    assert set(outputs) <= set(deployed.template["Outputs"])
    [command] = re.findall(r"alleycat-gateway provision .*?```", aws, re.DOTALL)
    options = set(re.findall(r"--[a-z-]+", command))
    known = {f"--{name.replace('_', '-')}" for name in inspect.signature(provision).parameters}
    assert options
    assert options <= known
    assert f"`{TOPIC}`" in (DOCS / "telemetry.md").read_text(encoding="utf-8")
    remote_races = (DOCS / "remote-races.md").read_text(encoding="utf-8")
    assert f"`{command_topic('<thing_name>')}`" in remote_races
