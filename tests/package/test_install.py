"""The commands of docs/installation.md for the Raspberry Pi, on a clean Debian, offline."""

import json
import re
import subprocess
import time
from pathlib import Path

import pytest

from gateway.host.device_policy import policy_from
from tests.package.conftest import ARCHITECTURE
from tests.package.debian import ROOT, Debian
from tests.package.test_documents import dead_links
from tests.support.mosquitto import Authority

BUFFER = "/var/lib/alleycat-gateway/buffer"
CONFIG = "/etc/alleycat-gateway/gateway.toml"
SERVICE = "alleycat-gateway.service"
LS = f"alleycat-gateway buffer ls --json --config {CONFIG}"

NOT_SET_UP = "not set up yet: sudo alleycat-gateway setup"

#: Runs a command as a user.
AS = {"root": "", "nobody": "setpriv --reuid 65534 --clear-groups"}

#: What Tab offers after `alleycat-gateway watch bi`.
COMPLETE = """\
source /usr/share/bash-completion/completions/alleycat-gateway
COMP_WORDS=(alleycat-gateway watch bi) COMP_CWORD=2
_alleycat_gateway
printf '%s\\n' "${COMPREPLY[@]}"
"""

#: Both ways in: as a config without a cloud wants it, and as the cloud does.
BROKER = """\
per_listener_settings true
listener 1883 127.0.0.1
allow_anonymous true
listener 8883 127.0.0.1
allow_anonymous false
cafile /etc/mosquitto/ca.pem
certfile /etc/mosquitto/broker.pem
keyfile /etc/mosquitto/broker.key
require_certificate true
use_identity_as_username true
"""


def page() -> list[str]:
    """Return the commands of the page, for this architecture."""
    installation = (ROOT / "docs" / "installation.md").read_text(encoding="utf-8")
    [text] = re.findall(r"\n## On a Raspberry Pi\n(.*?)\n## ", installation, re.DOTALL)
    blocks = re.findall(r"```sh\n(.*?)```", text, re.DOTALL)
    return "".join(blocks).replace("_arm64", f"_{ARCHITECTURE}").splitlines()


def command(word: str) -> str:
    [line] = [line for line in page() if re.search(rf"\b{word}\b", line)]
    return line


def prop(debian: Debian, name: str) -> str:
    return debian.run(f"systemctl show --value --timestamp=us -p {name} {SERVICE}").strip()


@pytest.fixture(scope="module")
def debian(machine: Debian) -> Debian:
    """With the package installed as the page says; only the last test takes it away."""
    machine.run("systemctl start mosquitto")
    assert machine.run("ls /sys/class/net").split() == ["lo"], "the machine is offline"
    (machine.directory / "root/said").write_text(machine.run(command("install")))
    return machine


def test_page_has_only_the_commands_tested_here() -> None:
    words = ("install", "systemctl", "journalctl", "remove", "purge")
    assert page() == [command(word) for word in words]


def test_installed_package_waits_until_it_is_set_up(debian: Debian) -> None:
    said = debian.run("cat said")
    for verb in ("setup", "check", "status"):
        assert f"alleycat-gateway {verb}" in said
    assert "Failed" not in said
    debian.wait_for(
        command("journalctl"), "not set up yet: the gateway reads no bike and sends nothing"
    )
    shown = debian.run(command("systemctl"))
    assert "Active: active (running)" in shown
    assert f'Status: "{NOT_SET_UP}"' in shown
    assert debian.run(f"systemctl is-enabled {SERVICE}").strip() == "enabled"
    status = json.loads(debian.run("alleycat-gateway status --json", check=False))
    assert status["line"] == NOT_SET_UP
    assert debian.run("mosquitto_sub -t '#' -C 1 -W 5", check=False).strip() in ("", "Timed out")
    assert debian.run(f"ls {BUFFER}", check=False).strip().endswith("No such file or directory")
    rules = debian.run("udevadm test --action=add /class/mem/null", check=False)
    assert "99-alleycat-gateway.rules" in rules
    assert [line for line in rules.splitlines() if "99-alleycat-gateway.rules:" in line] == []


def test_installed_package_races_once_it_is_set_up(debian: Debian) -> None:
    """With a fake bike on purpose, and the broker on this computer."""
    rider = "--racer-name Ada --racer-id 3 --class-id 2"
    debian.run(f"alleycat-gateway setup --bike fake {rider} --endpoint later")
    debian.run(f"systemctl reload-or-restart {SERVICE}")
    assert "gateway started" in debian.wait_for(command("journalctl"), "cloud connected")
    lines = debian.run("mosquitto_sub -t alleycat-publish -C 3 -W 30").splitlines()
    messages = [json.loads(line) for line in lines]
    assert [(one["bikeId"], one["name"]) for one in messages] == [("bike-001", "Ada")] * 3
    assert all(one["simulated"] for one in messages)


@pytest.mark.parametrize("user", ["root", "nobody"])
def test_every_user_can_follow_the_messages_as_they_go_out(debian: Debian, user: str) -> None:
    printed = debian.run(f"{AS[user]} alleycat-gateway tail --json --seconds 4")
    events = [json.loads(line) for line in printed.splitlines()]
    assert {event["state"] for event in events} == {"produced", "acknowledged"}
    assert {event["message"]["bikeId"] for event in events} == {"bike-001"}


@pytest.mark.parametrize("user", ["root", "nobody"])
def test_bash_completes_the_bike_at_once_for_every_user(debian: Debian, user: str) -> None:
    """Root reads the config, and for others the running gateway answers."""
    (debian.directory / "var/tmp/complete").write_text(COMPLETE, encoding="utf-8")
    started_s = time.monotonic()
    assert debian.run(f"{AS[user]} bash /var/tmp/complete").split() == ["bike-001"]
    assert time.monotonic() - started_s < 1


def test_manual_page_and_documents_are_where_debian_expects_them(debian: Debian) -> None:
    page = debian.run("zcat /usr/share/man/man1/alleycat-gateway.1.gz")
    assert "\n.SS tail\n" in page
    assert debian.run("zcat /usr/share/doc/alleycat-gateway/changelog.gz").startswith(
        "alleycat-gateway ("
    )
    assert debian.run("head -1 /usr/share/doc/alleycat-gateway/LICENSE") != ""
    documents = debian.directory / "usr/share/doc/alleycat-gateway"
    assert dead_links(documents) == []


def test_debian_accepts_the_unit_and_every_installed_file(debian: Debian) -> None:
    """Two versions of systemd know different keys."""
    assert debian.run(f"systemd-analyze verify {SERVICE}") == ""
    assert debian.run("dpkg --verify alleycat-gateway") == ""


def test_daemon_is_unprivileged_and_its_files_are_protected(debian: Debian) -> None:
    debian.wait_for(f"test -e {BUFFER} && echo opened", "opened")
    status = debian.run(f"cat /proc/{prop(debian, 'MainPID')}/status")
    user = debian.run("id -u alleycat-gateway").strip()
    assert re.search(rf"\nUid:\s+{user}\s+{user}", status)
    assert re.search(r"\nNoNewPrivs:\s+1\n(.*\n)*Seccomp:\s+2\n", status)
    assert re.search(r"\nCapEff:\s+0+\n", status)
    assert re.search(r"\nCapBnd:\s+0+\n", status)
    files = f"/etc/alleycat-gateway {CONFIG} /var/lib/alleycat-gateway {BUFFER}"
    assert debian.run(f"stat -c '%a %U %G' {files}").splitlines() == [
        "750 root alleycat-gateway",
        "640 root alleycat-gateway",
        "700 alleycat-gateway alleycat-gateway",
        "700 alleycat-gateway alleycat-gateway",
    ]
    assert debian.run("find /usr/lib/alleycat-gateway ! -user root").strip() == ""


def test_service_reloads_without_a_restart_and_restarts_when_it_dies(debian: Debian) -> None:
    first = prop(debian, "MainPID")
    debian.run(f"systemctl reload {SERVICE}")
    assert prop(debian, "MainPID") == first
    debian.run(f"cp -p {CONFIG} /root/; echo unknown_key = 1 > {CONFIG}")
    assert "failed" in debian.run(f"systemctl reload {SERVICE} 2>&1 || true")
    debian.wait_for(f"journalctl --unit {SERVICE} --priority err", "unknown_key")
    debian.run(f"cp -p /root/gateway.toml {CONFIG}")
    assert prop(debian, "MainPID") == first
    status = json.loads(debian.run(f"{AS['nobody']} alleycat-gateway status --json"))
    assert status["line"].startswith(("race ", "waiting for a rider"))
    assert prop(debian, "StatusText").startswith(("race ", "waiting for a rider"))
    debian.run(f"systemctl kill --kill-whom main --signal ABRT {SERVICE}")  # as the watchdog does
    debian.wait_for(f"journalctl --unit {SERVICE}", "most recent call first")
    debian.wait_for(f"systemctl show -p NRestarts {SERVICE}", "NRestarts=1")
    debian.wait_for(f"systemctl is-active {SERVICE} | sed s/^active/runs/", "runs")
    assert prop(debian, "MainPID") not in (first, "0")


def test_installed_gateway_reaches_a_broker_over_mutual_tls(debian: Debian, tmp_path: Path) -> None:
    authority = Authority(tmp_path / "pki")
    for name, place in (("gateway-1", "alleycat-gateway"), ("127.0.0.1", "mosquitto")):
        issued = authority.issue(name)
        names = ("ca.pem", "broker.pem", "broker.key")
        if place == "alleycat-gateway":
            names = ("AmazonRootCA1.pem", "certificate.pem.crt", "private.pem.key")
        sources = (issued.ca_file, issued.certificate_file, issued.private_key_file)
        for source, target in zip(sources, names, strict=True):
            (debian.directory / "etc" / place / target).write_bytes(source.read_bytes())
        debian.run(f"chown root:{place} /etc/{place}/*.*; chmod 640 /etc/{place}/*.*")
    (debian.directory / "etc/mosquitto/conf.d/both.conf").write_text(BROKER)
    debian.run("systemctl restart mosquitto")
    own = "--certificate-file certificate.pem.crt --private-key-file private.pem.key"
    cloud = f"--endpoint 127.0.0.1 --port 8883 --ca-file AmazonRootCA1.pem {own}"
    debian.run(f"cd /etc/alleycat-gateway && alleycat-gateway setup {cloud} --start")
    debian.wait_for("mosquitto_sub -t alleycat-publish -C 1 -W 20", "bike-001")
    assert prop(debian, "ActiveState") == "active"


def test_another_python_gets_compiled_libraries_at_once(debian: Debian) -> None:
    """dpkg pulls this trigger when it installs another /usr/bin/python3."""
    libraries = "/usr/lib/alleycat-gateway/lib/python3.*/site-packages/gateway"
    assert debian.run(f"ls {libraries}/__pycache__").strip() != ""
    started = prop(debian, "MainPID")
    debian.run(f"rm -r {libraries}/__pycache__")
    debian.run("dpkg-trigger --by-package=python3-minimal /usr/bin/python3")
    debian.run("dpkg --configure --pending")
    assert debian.run(f"ls {libraries}/__pycache__").strip() != ""
    assert prop(debian, "MainPID") == started


def test_uart_is_forbidden_to_the_service_until_setup_allows_it(debian: Debian) -> None:
    """`check` reports the service's policy, and then that this computer has no such UART."""
    policy = "systemctl show alleycat-gateway --property=DevicePolicy,DeviceAllow"
    found = policy_from(debian.run(policy))
    assert found.is_closed
    assert set(found.allowed) == {"char-ttyUSB rw", "char-ttyACM rw"}
    debian.run("mknod --mode 660 /dev/ttyS1 c 4 65; chgrp dialout /dev/ttyS1")
    debian.run(f"cp -p {CONFIG} /root/")
    set_up = "alleycat-gateway setup --bike /dev/ttyS1 --protocol peloton --bike-id uart "
    said = debian.run(f"{set_up} --racer-name Eve --racer-id 4 --class-id 2", check=False)
    assert "The service may now use /dev/ttyS1" in said
    assert "sudo systemctl restart alleycat-gateway" in said
    assert "/dev/ttyS1 rw" in policy_from(debian.run(policy)).allowed
    debian.run("mv /etc/systemd/system/alleycat-gateway.service.d/serial-ports.conf /root")
    debian.run(f"systemctl daemon-reload; systemctl stop {SERVICE}")
    check = "COLUMNS=500 alleycat-gateway check"
    assert "does not allow it to use /dev/ttyS1" in debian.run(check, check=False)
    debian.run("mv /root/serial-ports.conf /etc/systemd/system/alleycat-gateway.service.d")
    debian.run("systemctl daemon-reload")
    assert "/dev/ttyS1 does not exist: switch this UART on" in debian.run(check, check=False)
    debian.run(f"cp -p /root/gateway.toml {CONFIG}; systemctl start {SERVICE}")


def test_upgrade_keeps_the_buffer_and_changes_nothing_under_the_daemon(
    debian: Debian,
) -> None:
    debian.run("systemctl stop mosquitto")
    # By default, the next attempt to connect may be a minute later.
    debian.run(f"sed -i 's/^reconnect_max_s = .*/reconnect_max_s = 1.0/' {CONFIG}")
    while len(buffered(debian)) < 3:
        assert prop(debian, "ActiveState") == "active"
    before = debian.run(f"cat {CONFIG}; stat -c '%i %a %U' {BUFFER}")
    kept = buffered(debian)
    started = prop(debian, "ActiveEnterTimestamp")
    newer(debian)
    assert "alleycat-gateway setup" not in debian.run(command("install"))
    assert prop(debian, "ActiveEnterTimestamp") != started
    assert debian.run(f"cat {CONFIG}; stat -c '%i %a %U' {BUFFER}") == before
    stopped, running = (
        float(debian.run(f"date +%s.%N -d '{prop(debian, name)}'"))
        for name in ("InactiveEnterTimestamp", "InactiveExitTimestamp")
    )
    changed = debian.run("find /usr/lib/alleycat-gateway -type f -printf '%C@\\n'").split()
    assert stopped < min(map(float, changed))
    assert max(map(float, changed)) < running
    debian.run("systemctl start mosquitto")
    # The newest messages come first, so that those from before the upgrade are not the first ones.
    arrived = debian.run("mosquitto_sub -t alleycat-publish -W 20", check=False).splitlines()
    assert kept <= {json.loads(line)["uuid"] for line in arrived if line.startswith("{")}


def test_removal_keeps_config_and_buffer_and_purge_does_not(debian: Debian) -> None:
    debian.run(command("remove"))
    assert debian.run(f"ls -d {CONFIG} {BUFFER}").split() == [CONFIG, BUFFER]
    assert not (debian.directory / "usr/lib/alleycat-gateway").exists()
    assert prop(debian, "MainPID") == "0"
    debian.run(command("install"))
    assert prop(debian, "ActiveState") == "active", "a removed one can be installed again"
    debian.run(command("purge"))
    left = debian.run(
        "find / -xdev -name '*alleycat*' -not -path '/root/*' -not -path '/proc/*'"
        " -not -path '/var/log/*' -not -path '/sys/*'"
    )
    assert left == ""
    assert "alleycat-gateway" in debian.run("getent passwd alleycat-gateway"), "the user stays"


def buffered(debian: Debian) -> set[str]:
    """The uuids of all messages on disk."""
    races = json.loads(debian.run(LS))["races"]
    export = "alleycat-gateway buffer export --config " + CONFIG
    lines = [debian.run(f"{export} {race['race_id']}").splitlines() for race in races]
    return {json.loads(line)["uuid"] for race in lines for line in race}


def newer(debian: Debian) -> None:
    """Put the same package with a higher version into /root instead."""
    [package] = (debian.directory / "root").glob("*.deb")
    tree = debian.directory.parent / "newer"
    subprocess.run(["dpkg-deb", "--raw-extract", package, tree], check=True)
    package.unlink()
    control = tree / "DEBIAN/control"
    control.write_text(re.sub(r"(?m)^Version: .*", "Version: 99.0", control.read_text()))
    target = package.with_name(f"alleycat-gateway_99.0_{ARCHITECTURE}.deb")
    subprocess.run(["dpkg-deb", "--build", "-Zgzip", "-z1", tree, target], check=True)
