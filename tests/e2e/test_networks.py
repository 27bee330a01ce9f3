"""Networks that open connections and swallow packets, in a network namespace of the kernel's."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.gateway_process import GatewayProcess
from tests.support.mosquitto import Authority, find_mosquitto

TOOLS = ("unshare", "ip", "iptables", "ip6tables")
PORT = 8883
#: Packets of a TLS handshake that carry certificates; those of TCP alone are smaller.
LARGE = "-m length --length 600:65535"
DROP_LARGE = f"-I INPUT -p tcp --sport {PORT} {LARGE} -j DROP"
DROP_ALL = f"-I INPUT -p tcp --dport {PORT} -j DROP"
#: A program in a namespace whose loopback interface is the network; its broker has two addresses.
SCRIPT = """
set -e
ip link set lo up
mount --bind {hosts} /etc/hosts
{rules}
{mosquitto} -c {broker} > {log} 2>&1 &
sleep 0.5
{program}
"""
CHECK = '"{python}" -m gateway check --json --config {config}'
#: Ends once a gateway is connected.
RUN = """
"{python}" -m gateway run --config {config} 2> {gateway_log} &
until grep -q "cloud connected" {gateway_log}; do sleep 0.1; done
cat {gateway_log}
"""

AWAY_S = 30
#: A program whose network is away for a while; it prints how long the gateway then took, in ms.
AWAY = """
set -e
ip link add net0 type veth peer name net1
ip link set net0 up
ip link set net1 up
ip link set lo up
{mosquitto} -c {broker} > {log} 2>&1 &
"{python}" -m gateway run --config {config} 2> {gateway_log} &
sleep {away_s}
ip address add 192.0.2.1/24 dev net0
since=$(date +%s%3N)
until grep -q "cloud connected" {gateway_log}; do sleep 0.1; done
echo $(($(date +%s%3N) - since))
"""

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(
        os.geteuid() != 0 or not all(map(shutil.which, TOOLS)),
        reason="only root can have a network namespace with iptables",
    ),
]


def checked(
    directory: Path, authority: Authority, gateway: GatewayProcess, *rules: str
) -> tuple[str, int]:
    """Run `check` on a network with these rules; return its output and its exit code."""
    return ran(directory, authority, gateway, CHECK, *rules)


def ran(
    directory: Path, authority: Authority, gateway: GatewayProcess, program: str, *rules: str
) -> tuple[str, int]:
    """Run a program on a network with these rules; return its output and its exit code."""
    hosts = directory / "hosts"
    hosts.write_text("::1 broker.test\n127.0.0.1 broker.test\n")
    issued = authority.issue("broker.test")
    tls = f"cafile {issued.ca_file}\ncertfile {issued.certificate_file}\n"
    tls += f"keyfile {issued.private_key_file}\nrequire_certificate true\n"
    tls += "use_identity_as_username true\n"
    broker = directory / "networks.conf"
    listeners = [f"listener {PORT} {address}\n{tls}" for address in ("127.0.0.1", "::1")]
    broker.write_text("user root\n" + "".join(listeners))
    gateway.cloud |= {"endpoint": "broker.test", "port": PORT}
    gateway.write_config()
    script = SCRIPT.format(
        hosts=hosts,
        rules="\n".join(rules),
        mosquitto=find_mosquitto(),
        broker=broker,
        log=directory / "networks.log",
        program=program.format(
            python=sys.executable,
            config=gateway.config_file,
            gateway_log=directory / "gateway.log",
        ),
    )
    ended = subprocess.run(
        ["unshare", "--net", "--mount", "--pid", "--fork", "--kill-child", "sh", "-c", script],
        check=False,
        capture_output=True,
        text=True,
        timeout=110,
    )
    return ended.stdout + ended.stderr, ended.returncode


@pytest.mark.parametrize("hole", ["iptables", "ip6tables"])
@pytest.mark.parametrize("rule", [DROP_LARGE, DROP_ALL], ids=["large packets", "all packets"])
def test_path_of_one_family_that_swallows_packets_is_left_for_the_other(
    tmp_path: Path, authority: Authority, gateway: GatewayProcess, hole: str, rule: str
) -> None:
    output, _ = checked(tmp_path, authority, gateway, f"{hole} {rule}")
    assert "broker.test:8883 answers with TLS" in output
    assert "the broker accepts gateway-1" in output


def test_running_gateway_leaves_the_path_of_a_family_that_swallows_large_packets(
    tmp_path: Path, authority: Authority, gateway: GatewayProcess
) -> None:
    output, _ = ran(tmp_path, authority, gateway, RUN, f"ip6tables {DROP_LARGE}")
    assert re.search(r"connecting over another address family +family=ipv4", output)
    assert "cloud connected" in output


def test_network_that_swallows_large_packets_is_named(
    tmp_path: Path, authority: Authority, gateway: GatewayProcess
) -> None:
    gateway.cloud["address_family"] = "ipv4"
    output, code = checked(tmp_path, authority, gateway, f"iptables {DROP_LARGE}")
    assert code == 1
    assert "connected, but the TLS handshake gets no answer" in output
    assert "lower MTU" in output
    assert r"cloud.address_family = \"ipv6\"" in output


def test_network_that_returns_is_used_at_once(
    tmp_path: Path, authority: Authority, gateway: GatewayProcess
) -> None:
    """After half a minute the next try by itself may be half a minute away."""
    issued = authority.issue("192.0.2.1")
    broker = tmp_path / "networks.conf"
    broker.write_text(
        f"user root\nlistener {PORT} 0.0.0.0\ncafile {issued.ca_file}\n"
        f"certfile {issued.certificate_file}\nkeyfile {issued.private_key_file}\n"
        "require_certificate true\nuse_identity_as_username true\n"
    )
    gateway.cloud |= {"endpoint": "192.0.2.1", "port": PORT, "reconnect_max_s": 60}
    gateway.write_config()
    script = AWAY.format(
        mosquitto=find_mosquitto(),
        broker=broker,
        log=tmp_path / "networks.log",
        python=sys.executable,
        config=gateway.config_file,
        gateway_log=tmp_path / "gateway.log",
        away_s=AWAY_S,
    )
    ended = subprocess.run(
        ["unshare", "--net", "--pid", "--fork", "--kill-child", "sh", "-c", script],
        check=True,
        stdout=subprocess.PIPE,
        text=True,
        timeout=110,
    )
    assert int(ended.stdout) < 5_000
