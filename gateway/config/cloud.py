"""The table `cloud` of the config: the broker, and the way to it."""

import ipaddress
from typing import Annotated, Literal, Self

from pydantic import AfterValidator, Field, field_validator, model_validator

from gateway.config.host_name import host_name_problem, without_blanks
from gateway.config.problems import TOPIC_PATTERN
from gateway.config.proxy import Proxy, proxy_from_url
from gateway.config.section import AnyPath, Section

Topic = Annotated[str, Field(min_length=1, max_length=256, pattern=TOPIC_PATTERN)]


def _a_proxy(url: str) -> str:
    return f"http://{proxy_from_url(url)}"


class CloudConfig(Section):
    """The telemetry's destination: AWS IoT Core, or any MQTT 5 broker with mutual TLS."""

    endpoint: Annotated[str, Field(min_length=1)]
    port: Annotated[int, Field(ge=1, le=65535)] = 8883
    topic: Topic = "alleycat-publish"
    #: None: the gateway does not follow the results of its races.
    results_topic: Topic | None = None
    #: None: the system's trust store, which contains the CA of AWS.
    ca_file: AnyPath | None = None
    certificate_file: AnyPath | None = None
    private_key_file: AnyPath | None = None
    plaintext: bool = False
    #: auto: both are tried at the same time, and one that swallows packets is left.
    address_family: Literal["auto", "ipv4", "ipv6"] = "auto"
    #: None: the gateway connects directly.
    proxy: Annotated[str, AfterValidator(_a_proxy)] | None = None
    proxy_credentials_file: AnyPath | None = None
    reconnect_max_s: Annotated[float, Field(ge=1, le=3600)] = 60.0
    publish_rate_per_s: Annotated[float, Field(gt=0, le=90)] = 80.0

    @field_validator("endpoint")
    @classmethod
    def _host_alone(cls, endpoint: str) -> str:
        host = without_blanks(endpoint)
        if (problem := host_name_problem(host)) is not None:
            raise ValueError(problem)
        return host

    @field_validator("topic", "results_topic")
    @classmethod
    def _few_levels(cls, topic: str | None) -> str | None:
        if topic and topic.count("/") > 7 and not topic.startswith("$aws/rules/"):
            raise ValueError("expected at most 7 slashes, the limit of AWS IoT Core")
        return topic

    @property
    def proxy_address(self) -> Proxy | None:
        return None if self.proxy is None else proxy_from_url(self.proxy)

    @model_validator(mode="after")
    def _secure(self) -> Self:
        if self.plaintext and not is_this_machine(self.endpoint):
            raise ValueError(
                "plaintext = true is only allowed for 127.0.0.1, ::1 or localhost, not for "
                f"{self.endpoint!r}; for another endpoint, remove plaintext and set "
                "certificate_file and private_key_file"
            )
        return self


def is_this_machine(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
