"""A phone opens the pages of a gateway by their name, in a network of two computers."""

import json
import shlex
import sys
import time
from pathlib import Path
from typing import Any

from tests.support.avahi import PATIENCE_S, computers, needs_avahi
from tests.support.gateway_process import GatewayProcess, alleycat_gateway

pytestmark = needs_avahi

NAME = "alleycat-gateway-1.local"
WEB = '[web]\nport = 8080\nlisten = "0.0.0.0"\nmdns = true\n'
#: Opens a URL as a browser that knows the address by this name.
OPEN = """
import sys, urllib.request as client
request = client.Request(sys.argv[1], headers={"Host": f"{sys.argv[2]}:8080"})
print(client.urlopen(request, timeout=20).read().decode())
"""
#: Runs the gateway's Python on a computer of the test.
WRAPPER = '#!/bin/sh\nexec {command} {python} "$@"\n'


def status(gateway: GatewayProcess) -> Any:
    return json.loads(
        alleycat_gateway("status", "--json", "--config", str(gateway.config_file)).stdout
    )


def wait_for_concerns(gateway: GatewayProcess, count: int) -> list[str]:
    """Return the concerns about the name, as soon as there are so many."""
    deadline = time.monotonic() + PATIENCE_S
    while True:
        found = [text for text in status(gateway)["attention"] if "does not lead to" in text]
        if len(found) == count:
            return found
        assert time.monotonic() < deadline, found
        time.sleep(0.2)


def test_phone_opens_the_pages_by_their_name_while_avahi_comes_and_goes(
    tmp_path: Path, gateway: GatewayProcess
) -> None:
    with computers(tmp_path) as (pi, phone):
        wrapper = tmp_path / "python"
        wrapper.write_text(WRAPPER.format(command=shlex.join(pi.command), python=sys.executable))
        wrapper.chmod(0o755)
        gateway.python = str(wrapper)
        gateway.environment["DBUS_SYSTEM_BUS_ADDRESS"] = pi.bus.address
        gateway.further = WEB
        gateway.start()
        [concern] = wait_for_concerns(gateway, 1)
        assert concern.startswith(
            f"the name {NAME} does not lead to the pages: Avahi is not running"
        )
        pi.start_avahi()
        wait_for_concerns(gateway, 0)
        [address] = phone.ask(NAME)
        opened = [sys.executable, "-c", OPEN, f"http://{address}:8080/static/gateway.css", NAME]
        assert "font-size" in phone.run(shlex.join(opened))
        pi.kill_avahi()
        wait_for_concerns(gateway, 1)
        assert status(gateway)["gateway"]["lost_seconds"] == 0
        gateway.terminate()
