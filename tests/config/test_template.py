"""config/aws/template.yaml: valid CloudFormation, and the contract between gateway and backend."""

import subprocess
import sys
from typing import Any

import pytest

from gateway.demo.rule import Rule, _parse_template, load_rule
from gateway.shipped import config_path

TEMPLATE = config_path("aws/template.yaml")


@pytest.fixture(scope="module")
def resources() -> dict[str, Any]:
    resources: dict[str, Any] = _parse_template(TEMPLATE.read_text())["Resources"].value
    return resources


def test_cfn_lint_finds_nothing_not_even_a_hint() -> None:
    program = "from cfnlint.runner import main; main()"
    command = [sys.executable, "-c", program, "--include-checks", "I", "--", str(TEMPLATE)]
    lint = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (lint.stdout + lint.stderr, lint.returncode) == ("", 0)


def test_the_rule_is_what_the_backend_expects() -> None:
    assert load_rule(TEMPLATE.read_text()) == Rule(
        name="alleycat_telemetry",
        topic_filter="alleycat-publish",
        stream="alleycat",
        partition_key="${raceId}",
    )


def test_what_cannot_be_put_is_kept_for_as_long_as_sqs_can(resources: dict[str, Any]) -> None:
    payload = resources["TelemetryRule"]["Properties"]["TopicRulePayload"]
    assert payload["ErrorAction"]["Sqs"]["QueueUrl"] == {"Ref": "FailedTelemetryQueue"}
    queue = resources["FailedTelemetryQueue"]
    assert queue["Properties"]["MessageRetentionPeriod"] == 14 * 24 * 3600
    assert queue["DeletionPolicy"] == "Retain"


@pytest.mark.parametrize(
    ("role", "action", "resource"),
    [
        ("PutRecordRole", "kinesis:PutRecord", "Stream.Arn"),
        ("KeepFailedRole", "sqs:SendMessage", "FailedTelemetryQueue.Arn"),
    ],
)
def test_each_role_may_do_one_thing_for_one_rule(
    resources: dict[str, Any], role: str, action: str, resource: str
) -> None:
    properties = resources[role]["Properties"]
    [policy] = properties["Policies"]
    [allowed] = policy["PolicyDocument"]["Statement"]
    assert allowed == {"Effect": "Allow", "Action": action, "Resource": {"Fn::GetAtt": resource}}
    [trust] = properties["AssumeRolePolicyDocument"]["Statement"]
    rule_name = resources["TelemetryRule"]["Properties"]["RuleName"]
    source = trust["Condition"]["ArnLike"]["aws:SourceArn"]["Fn::Sub"]
    assert source.endswith(f":rule/{rule_name}")
    assert trust["Condition"]["StringEquals"] == {"aws:SourceAccount": {"Ref": "AWS::AccountId"}}
