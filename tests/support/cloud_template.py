"""config/aws/template.yaml as CloudFormation deploys it, its policies as IoT Core evaluates them.

Only the functions that the template uses are supported.
"""

import re
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import Any

from gateway.config.packaged import config_path
from gateway.simulation.cloud.rule import _parse_template

PATH = config_path("aws/template.yaml")

_PSEUDO = {
    "AWS::Partition": "aws",
    "AWS::Region": "eu-west-1",
    "AWS::AccountId": "123456789012",
    "AWS::NoValue": None,
}
ARN = "arn:aws:iot:eu-west-1:123456789012:"


class CloudTemplate:
    """The template, deployed with these parameters and the defaults of all others."""

    def __init__(self, **parameters: str) -> None:
        self.template: dict[str, Any] = _parse_template(PATH.read_text()).value
        given = {name: p["Default"] for name, p in self.template["Parameters"].items()}
        assert set(parameters) <= set(given)
        self.parameters: dict[str, Any] = {**given, **parameters}
        self.resources: dict[str, dict[str, Any]] = {
            name: resource
            for name, resource in self.template["Resources"].items()
            if self._holds(resource.get("Condition"))
        }

    def of_type(self, kind: str) -> dict[str, dict[str, Any]]:
        """Return the resolved properties of each deployed resource of this type, by name."""
        return {
            name: self.resolve(resource["Properties"])
            for name, resource in self.resources.items()
            if resource["Type"] == kind
        }

    def resolve(self, node: Any) -> Any:
        """Return a node with every function evaluated; a resource becomes `<its name>`."""
        resolved = node
        match node:
            case {"Ref": name}:
                resolved = self._value(name)
            case {"Fn::GetAtt": name}:
                made, attribute = name.split(".", 1)
                resolved = f"<{self._made(made)}>.{attribute}"
            case {"Fn::Sub": text}:
                resolved = re.sub(r"\$\{(!?)([^}]*)\}", self._substituted, text)
            case {"Fn::If": [condition, then, otherwise]}:
                resolved = self.resolve(then if self._holds(condition) else otherwise)
            case dict():
                resolved = {key: self.resolve(value) for key, value in node.items()}
            case list():
                resolved = [self.resolve(value) for value in node]
                resolved = [value for value in resolved if value is not None]  # AWS::NoValue
        return resolved

    def policy(self, name: str) -> "IotPolicy":
        return IotPolicy(self.of_type("AWS::IoT::Policy")[name]["PolicyDocument"]["Statement"])

    def _substituted(self, match: re.Match[str]) -> str:
        return f"${{{match[2]}}}" if match[1] else str(self._value(match[2]))

    def _value(self, name: str) -> Any:
        known = {**self.parameters, **_PSEUDO}
        return known[name] if name in known else f"<{self._made(name)}>"

    def _made(self, name: str) -> str:
        assert name in self.resources, f"{name} is referred to, but not made"
        return name

    def _holds(self, condition: Any) -> bool:
        match condition:
            case None:
                return True
            case str(name):
                return self._holds(self.template["Conditions"][name])
            case {"Fn::Not": [other]}:
                return not self._holds(other)
            case {"Fn::Equals": [one, other]}:
                return bool(self.resolve(one) == self.resolve(other))
        raise AssertionError(f"unsupported condition: {condition}")


@dataclass(frozen=True)
class IotPolicy:
    statements: list[dict[str, Any]]

    def allows(self, thing_name: str, action: str, resource: str) -> bool:
        """Return whether the thing may do `action` on `resource`, such as `topic/a/b`."""
        return any(
            fnmatchcase(f"{ARN}{resource}", pattern)
            for pattern in self.patterns(thing_name, action)
        )

    def patterns(self, thing_name: str, action: str) -> list[str]:
        found: list[str] = []
        for statement in self.statements:
            assert set(statement) == {"Effect", "Action", "Resource"}
            assert statement["Effect"] == "Allow"
            if statement["Action"] == f"iot:{action}":
                patterns = statement["Resource"]
                found += [patterns] if isinstance(patterns, str) else patterns
        return [one.replace("${iot:Connection.Thing.ThingName}", thing_name) for one in found]
