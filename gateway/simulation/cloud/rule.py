"""The IoT rule of the shipped CloudFormation template, evaluated as IoT Core does. Pure.

Only the constructs that the template uses are supported. Any other is rejected by name, so that
the demo never behaves differently from AWS.

Source: AWS IoT Core developer guide, "AWS IoT SQL reference" (version 2016-03-23), "Substitution
templates" and "Error handling (error action)".
"""

import base64
import json
import re
from dataclasses import dataclass
from typing import Any, NoReturn

import yaml

from gateway.host.errors import GatewayError

SQL_VERSION = "2016-03-23"

#: Longest partition key, in characters, and largest record, in bytes (Kinesis API reference,
#: PutRecord).
MAX_PARTITION_KEY = 256
MAX_DATA = 1_048_576

_SQL = re.compile(r"\s*SELECT\s+\*\s+FROM\s+'([^']*)'\s*", re.IGNORECASE)
_TOPIC_FILTER = re.compile(r"((\+|[^+#/]+)/)*(\+|#|[^+#/]+)")
_SUBSTITUTION = re.compile(r"\$\{([^}]*)\}")
_FIELD = re.compile(r"\w+(\.\w+)*")


class RuleTemplateError(GatewayError):
    """The template has no rule that the demo can run. The message gives place and reason."""


@dataclass(frozen=True, slots=True)
class KinesisRecord:
    """A record that the Kinesis action puts into the stream."""

    partition_key: str
    data: bytes


@dataclass(frozen=True, slots=True)
class ActionFailure:
    """The error action's input for a message that could not be put."""

    rule_name: str
    topic: str
    payload: bytes
    failed_resource: str
    error_message: str

    def to_json(self) -> bytes:
        """Return AWS's JSON, but without `clientId` and `cloudwatchTraceId`: MQTT has neither."""
        return json.dumps(
            {
                "ruleName": self.rule_name,
                "topic": self.topic,
                "base64OriginalPayload": base64.b64encode(self.payload).decode(),
                "failures": [
                    {
                        "failedAction": "KinesisAction",
                        "failedResource": self.failed_resource,
                        "errorMessage": self.error_message,
                    }
                ],
            }
        ).encode()


@dataclass(frozen=True, slots=True)
class Rule:
    """The rule `SELECT * FROM 'topic_filter'`, put into `stream` under `partition_key`."""

    name: str
    topic_filter: str
    stream: str
    partition_key: str

    def apply(self, topic: str, payload: bytes) -> KinesisRecord | ActionFailure:
        """Return the message's record, with the payload unchanged, or the failure to make one."""
        try:
            key = _substitute(self.partition_key, topic, _parse_json(payload))
        except ValueError as error:
            return self.failure(topic, payload, str(error))
        if not 1 <= len(key) <= MAX_PARTITION_KEY:
            limits = f"expected 1 to {MAX_PARTITION_KEY}"
            return self.failure(topic, payload, f"partition key of {len(key)} characters, {limits}")
        if len(payload) + len(key.encode()) > MAX_DATA:
            return self.failure(topic, payload, f"record larger than {MAX_DATA} bytes")
        return KinesisRecord(key, payload)

    def failure(self, topic: str, payload: bytes, reason: str) -> ActionFailure:
        """Return the failure of a message that did not reach the stream because of `reason`."""
        return ActionFailure(self.name, topic, payload, self.stream, reason)


@dataclass(frozen=True, slots=True)
class _Node:
    """A value in the template and its place there, for error messages."""

    where: str
    value: Any

    def __getitem__(self, key: str) -> "_Node":
        if not isinstance(self.value, dict) or key not in self.value:
            raise RuleTemplateError(f"{self.where or 'the template'} has no {key}; expected one")
        return _Node(f"{self.where}.{key}".lstrip("."), self.value[key])

    def refusal(self, expected: str) -> RuleTemplateError:
        return RuleTemplateError(
            f"{self.where} is {self.value!r}: the demo supports only {expected}; "
            "change the template, or extend gateway/simulation/cloud/rule.py"
        )


def load_rule(template_text: str) -> Rule:
    """Return the AWS::IoT::TopicRule of a CloudFormation template. Raises RuleTemplateError."""
    template = _parse_template(template_text)
    rule = _only_rule(template)
    payload = rule["TopicRulePayload"]
    if payload["AwsIotSqlVersion"].value != SQL_VERSION:
        raise payload["AwsIotSqlVersion"].refusal(f"{SQL_VERSION!r}")
    if payload.value.get("RuleDisabled"):
        raise payload["RuleDisabled"].refusal("a rule that is enabled")
    # The action must exist, but its content is ignored: the demo keeps the failures itself.
    payload["ErrorAction"]["Sqs"]
    actions = payload["Actions"]
    if not isinstance(actions.value, list) or len(actions.value) != 1:
        raise actions.refusal("one Kinesis action")
    action = _Node(f"{actions.where}[0]", actions.value[0])["Kinesis"]
    return Rule(
        name=_resolve(template, rule["RuleName"]),
        topic_filter=_parse_sql(template, payload["Sql"]),
        stream=_resolve(template, action["StreamName"]),
        partition_key=_checked_substitutions(action["PartitionKey"]),
    )


def _parse_template(text: str) -> _Node:
    loader = _TemplateLoader(text)
    try:
        return _Node("", loader.get_single_data())
    except yaml.YAMLError as error:
        raise RuleTemplateError(f"the template is not YAML: {error}") from error
    finally:
        loader.dispose()


class _TemplateLoader(yaml.SafeLoader):
    """A YAML loader for CloudFormation's short forms: `!Ref x` is {"Ref": "x"}."""

    def intrinsic(self, name: str, node: yaml.Node) -> dict[str, Any]:
        """Return the long form of `!Name x`: {"Fn::Name": x}, or {"Ref": x} for `!Ref x`."""
        value: Any
        if isinstance(node, yaml.ScalarNode):
            value = self.construct_scalar(node)
        elif isinstance(node, yaml.SequenceNode):
            value = self.construct_sequence(node, deep=True)
        else:
            assert isinstance(node, yaml.MappingNode)
            value = self.construct_mapping(node, deep=True)
        return {"Ref" if name == "Ref" else f"Fn::{name}": value}


_TemplateLoader.add_multi_constructor("!", _TemplateLoader.intrinsic)


def _only_rule(template: _Node) -> _Node:
    resources = template["Resources"]
    names = [
        name for name in resources.value if resources[name]["Type"].value == "AWS::IoT::TopicRule"
    ]
    if len(names) != 1:
        raise RuleTemplateError(
            f"the template has {len(names)} resources of type AWS::IoT::TopicRule: expected one"
        )
    return resources[names[0]]["Properties"]


def _resolve(template: _Node, node: _Node) -> str:
    """Return the text that CloudFormation would insert, with every parameter at its default."""
    match node.value:
        case str(text):
            return text
        case {"Ref": name} if name in template.value.get("Parameters", {}):
            return str(template["Parameters"][name]["Default"].value)
        case {"Ref": name} if template["Resources"][name]["Type"].value == "AWS::Kinesis::Stream":
            return _resolve(template, template["Resources"][name]["Properties"]["Name"])
        case {"Fn::Sub": str(text)}:
            return _SUBSTITUTION.sub(
                lambda match: _resolve(template, _Node(node.where, {"Ref": match[1]})), text
            )
        case _:
            raise node.refusal(
                "a string, a !Ref to a parameter or to a Kinesis stream, or a !Sub of these"
            )


def _parse_sql(template: _Node, sql: _Node) -> str:
    match = _SQL.fullmatch(_resolve(template, sql))
    if not match or not _TOPIC_FILTER.fullmatch(match[1]):
        raise sql.refusal("SELECT * FROM '<topic filter>', without WHERE or functions")
    return match[1]


def _checked_substitutions(template: _Node) -> str:
    text = template.value
    if not isinstance(text, str):
        raise template.refusal("a string in which IoT Core, not CloudFormation, replaces ${…}")
    for expression in _SUBSTITUTION.findall(text):
        if expression != "topic()" and not _FIELD.fullmatch(expression):
            raise template.refusal("${field}, ${field.field} and ${topic()}")
    if "${" in _SUBSTITUTION.sub("", text):
        raise template.refusal("substitutions with a closing brace")
    return text


def _parse_json(payload: bytes) -> Any:
    """Parse JSON, with numbers kept as strings exactly as written. Raises ValueError."""
    try:
        return json.loads(payload, parse_int=str, parse_float=str, parse_constant=_no_constant)
    except (ValueError, RecursionError) as error:
        raise ValueError(f"payload is not JSON: {error}") from error


def _no_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is not a number in JSON")


def _substitute(text: str, topic: str, payload: Any) -> str:
    """Return `text` with each ${…} replaced. Raises ValueError if one is undefined."""

    def value(match: re.Match[str]) -> str:
        if match[1] == "topic()":
            return topic
        found = payload
        for name in match[1].split("."):
            found = found.get(name) if isinstance(found, dict) else None
        if isinstance(found, bool):
            return json.dumps(found)
        if isinstance(found, str):
            return found
        raise ValueError(f"{match[0]} is undefined: the payload has no such text, number or bool")

    return _SUBSTITUTION.sub(value, text)
