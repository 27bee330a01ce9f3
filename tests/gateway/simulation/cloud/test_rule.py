"""The rule: read from a template as it stands, applied as IoT Core would, refused where unsure."""

import base64
import json

import pytest

from gateway.simulation.cloud.rule import (
    ActionFailure,
    KinesisRecord,
    Rule,
    RuleTemplateError,
    load_rule,
)

TEMPLATE = """
Parameters:
  StreamName:
    Default: races
Resources:
  Stream:
    Type: AWS::Kinesis::Stream
    Properties:
      Name: !Ref StreamName
  Rule:
    Type: AWS::IoT::TopicRule
    Properties:
      RuleName: to_races
      TopicRulePayload:
        AwsIotSqlVersion: "2016-03-23"
        Sql: SELECT * FROM 'races/+/publish'
        Actions:
          - Kinesis:
              StreamName: !Ref Stream
              PartitionKey: ${raceId}
              RoleArn: !GetAtt Role.Arn
        ErrorAction:
          Sqs: {QueueUrl: !Sub "${AWS::Region}", RoleArn: !Join [":", [a, !Ref b]]}
"""


def rule(partition_key: str = "${raceId}") -> Rule:
    return Rule("to_races", "races/+/publish", "races", partition_key)


def failure_of(outcome: KinesisRecord | ActionFailure) -> str:
    assert isinstance(outcome, ActionFailure)
    return outcome.error_message


def test_rule_is_loaded_from_a_template_with_cloudformation_tags() -> None:
    assert load_rule(TEMPLATE) == rule()


@pytest.mark.parametrize(
    "reference", ["races", "!Ref StreamName", "!Ref Stream", "!Sub '${StreamName}'"]
)
def test_rule_stream_may_be_named_or_referred_to(reference: str) -> None:
    template = TEMPLATE.replace("StreamName: !Ref Stream\n", f"StreamName: {reference}\n")
    assert load_rule(template).stream == "races"


def test_rule_topic_may_be_a_parameter() -> None:
    sub = "Sql: !Sub SELECT * FROM '${StreamName}/+'"
    template = TEMPLATE.replace("Sql: SELECT * FROM 'races/+/publish'", sub)
    assert load_rule(template).topic_filter == "races/+"


@pytest.mark.parametrize(
    "topic_filter", ["alleycat-publish", "+", "#", "a/+/b", "a/#", "+/+/#", "a b/c"]
)
def test_rule_topic_filter_may_have_wildcards(topic_filter: str) -> None:
    template = TEMPLATE.replace("races/+/publish", topic_filter)
    assert load_rule(template).topic_filter == topic_filter


@pytest.mark.parametrize(
    ("there", "instead", "said"),
    [
        ("'races/+/publish'", "'races' WHERE cadence > 0", "Sql is .* WHERE cadence > 0"),
        ("SELECT *", "SELECT *, timestamp() AS t", "without WHERE or functions"),
        ("SELECT *", "SELECT raceId", r"SELECT \* FROM '<topic filter>'"),
        ("races/+/publish", "a/#/b", "topic filter"),
        ("races/+/publish", "a+/b", "topic filter"),
        ("races/+/publish", "a//b", "topic filter"),
        ("races/+/publish", "", "topic filter"),
        ("2016-03-23", "2015-10-08", "AwsIotSqlVersion is '2015-10-08'.* only '2016-03-23'"),
        ("        Sql:", "        RuleDisabled: true\n        Sql:", "RuleDisabled is True"),
        ("        ErrorAction", "        ErrorActions", "TopicRulePayload has no ErrorAction"),
        ("          Sqs:", "          Sns:", "ErrorAction has no Sqs"),
        ("- Kinesis:", "- Firehose:", r"Actions\[0\] has no Kinesis"),
        ("Actions:\n", "Actions:\n          - Sns: {}\n", "Actions is .*one Kinesis action"),
        ("${raceId}", '!Sub "${raceId}"', "IoT Core, not CloudFormation, replaces"),
        ("${raceId}", "${topic(2)}", r"PartitionKey is '\${topic\(2\)}'"),
        ("${raceId}", "${newuuid()}", "newuuid"),
        ("${raceId}", "${raceId + 1}", "field.field"),
        ("${raceId}", "${raceId", "closing brace"),
        ("!Ref Stream\n", "!GetAtt Stream.Arn\n", r"StreamName is {'Fn::GetAtt': 'Stream.Arn'}"),
        ("!Ref Stream\n", "!Ref Rule\n", "StreamName is {'Ref': 'Rule'}"),
        ("!Ref Stream\n", '!Sub "${Rule}"\n', "StreamName is {'Ref': 'Rule'}"),
        ("!Ref Stream\n", '!Sub ["${a}", {a: b}]\n', "StreamName is {'Fn::Sub': "),
        ("!Ref Stream\n", "!Ref Nothing\n", "Resources has no Nothing"),
        ("AWS::IoT::TopicRule", "AWS::IoT::Thing", "has 0 resources of type AWS::IoT::TopicRule"),
        ("Resources:", "Resource:", "the template has no Resources"),
        ("Default: races", "Type: String", "Parameters.StreamName has no Default"),
        ("Parameters:", "{", "not YAML"),
    ],
)
def test_rule_with_an_unsupported_setting_is_refused_naming_the_setting(
    there: str, instead: str, said: str
) -> None:
    assert there in TEMPLATE
    with pytest.raises(RuleTemplateError, match=said):
        load_rule(TEMPLATE.replace(there, instead, 1))


def test_template_with_a_second_rule_is_refused() -> None:
    second = TEMPLATE[TEMPLATE.index("  Rule:\n") :].replace("  Rule:", "  Other:")
    with pytest.raises(RuleTemplateError, match="has 2 resources"):
        load_rule(TEMPLATE + second)


def test_rule_leaves_the_payload_unchanged() -> None:
    payload = b'{ "raceId" : 5400763,\n"name":"Zo\\u00eb", "x": 1.50 }'
    assert rule().apply("races/1/publish", payload) == KinesisRecord("5400763", payload)


@pytest.mark.parametrize(
    ("template", "key"),
    [
        ("${raceId}", "5400763"),
        ("${name}", "Zoë"),
        ("${bike.id}", "b-1"),
        ("${bike.ok}", "true"),
        ("${weight}", "71.50"),
        ("${topic()}", "races/1/publish"),
        ("race-${raceId}/${bike.id}", "race-5400763/b-1"),
        ("constant", "constant"),
    ],
)
def test_rule_partition_key_is_substituted_from_payload_and_topic(template: str, key: str) -> None:
    payload = b'{"raceId":5400763,"name":"Zo\\u00eb","weight":71.50,"bike":{"id":"b-1","ok":true}}'
    outcome = rule(template).apply("races/1/publish", payload)
    assert outcome == KinesisRecord(key, payload)


@pytest.mark.parametrize(
    ("template", "payload"),
    [
        ("${raceId}", b"{}"),
        ("${raceId}", b'{"raceId":null}'),
        ("${raceId}", b'{"raceId":{"id":1}}'),
        ("${raceId}", b'{"raceId":[1]}'),
        ("${raceId}", b"5"),
        ("${raceId}", b"[]"),
        ("${bike.id}", b'{"bike":"b-1"}'),
    ],
)
def test_rule_partition_key_that_is_undefined_is_a_failure(template: str, payload: bytes) -> None:
    said = failure_of(rule(template).apply("races/1/publish", payload))
    assert said.startswith(f"{template} is undefined")


@pytest.mark.parametrize(
    "payload", [b"", b"\xff\xfe", b"{raceId:1}", b'{"raceId":1', b'{"x":NaN}', b"[" * 100_000]
)
@pytest.mark.parametrize("template", ["${raceId}", "${topic()}"])
def test_rule_payload_that_is_not_json_is_a_failure(template: str, payload: bytes) -> None:
    said = failure_of(rule(template).apply("races/1/publish", payload))
    assert said.startswith("payload is not JSON")


@pytest.mark.parametrize(("length", "fits"), [(0, False), (1, True), (256, True), (257, False)])
def test_rule_partition_key_has_the_length_limits_of_kinesis(length: int, fits: bool) -> None:
    payload = json.dumps({"raceId": "k" * length}).encode()
    outcome = rule().apply("races/1/publish", payload)
    assert isinstance(outcome, KinesisRecord) == fits


def test_rule_record_has_the_size_limit_of_kinesis() -> None:
    fits = b'"%s"' % (b"x" * (1_048_576 - len("key") - 2))
    assert isinstance(rule("key").apply("t", fits), KinesisRecord)
    assert "larger" in failure_of(rule("key").apply("t", b" " + fits))


def test_rule_failure_is_the_error_action_message_of_aws() -> None:
    failure = rule().failure("races/1/publish", b"\x00\xff", "throttled")
    message = json.loads(failure.to_json())
    assert base64.b64decode(message.pop("base64OriginalPayload")) == b"\x00\xff"
    assert message == {
        "ruleName": "to_races",
        "topic": "races/1/publish",
        "failures": [
            {
                "failedAction": "KinesisAction",
                "failedResource": "races",
                "errorMessage": "throttled",
            }
        ],
    }
