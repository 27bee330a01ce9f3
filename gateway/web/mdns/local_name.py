"""The name of the pages in the local network: `alleycat-<thing>.local`. Pure."""

import re

from gateway.config.schema import Config

PREFIX = "alleycat-"
DOMAIN = "local"
#: Limit of a label, in bytes: RFC 1035, 2.3.4.
LABEL_MAX_BYTES = 63


def label_of(thing_name: str) -> str:
    """Return the first label of a gateway's name: lower case letters, digits and hyphens."""
    label = re.sub("[^a-z0-9-]", "-", f"{PREFIX}{thing_name}".lower())
    return label[:LABEL_MAX_BYTES].rstrip("-")


def local_name(config: Config) -> str | None:
    """Return the name of a gateway's pages, or None if its config does not ask for one."""
    return f"{label_of(config.thing_name)}.{DOMAIN}" if config.web.mdns else None
