"""The kernel's own list of routes, in a network namespace in which they come and go."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from gateway.host.routes import routes

#: Prints the number of routes before and after each command.
SCRIPT = """
import subprocess
from gateway.host.routes import routes
seen = [routes()]
for command in [
    "ip link set lo up",
    "ip link add veth0 type veth peer name veth1",
    "ip link set veth1 up",
    "ip link set veth0 up",
    "ip address add 192.0.2.1/24 dev veth0",
    "ip route add default via 192.0.2.2",
    "ip -6 route add 2001:db8::/32 dev veth0",
    "ip link set veth0 down",
]:
    subprocess.run(command.split(), check=True)
    seen.append(routes())
print(*map(len, seen))
"""


@pytest.mark.skipif(
    os.geteuid() != 0 or not all(map(shutil.which, ("unshare", "ip"))),
    reason="only root can have a network namespace",
)
def test_routes_come_and_go_with_the_network() -> None:
    ended = subprocess.run(
        ["unshare", "--net", sys.executable, "-c", SCRIPT],
        check=True,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert ended.stdout.split() == ["0", "0", "0", "0", "0", "1", "2", "3", "0"]


def test_kernel_without_a_family_has_no_routes_of_it(tmp_path: Path) -> None:
    assert routes(tmp_path) == frozenset()
    header = "Iface\tDestination\tGateway \tFlags\n"
    (tmp_path / "route").write_text(f"{header}eth0\t00000000\t010200C0\t0003\n")
    assert routes(tmp_path) == {(b"eth0", b"00000000", b"010200C0")}


def test_interface_with_a_name_that_is_no_text_has_routes(tmp_path: Path) -> None:
    (tmp_path / "route").write_bytes(b"Iface\tDestination\n\xff\xfe\t00000000\t010200C0\t0003\n")
    assert routes(tmp_path) == {(b"\xff\xfe", b"00000000", b"010200C0")}
