"""`provision` as a person runs it, and killed by another while it waits for the cloud."""

import inspect
import json
import os
import signal
import subprocess
import tomllib
from collections.abc import Callable, Iterator
from pathlib import Path
from queue import SimpleQueue
from typing import Any

import pytest

from gateway.cli.aws.provision import provision
from gateway.config.packaged import config_path
from gateway.provisioning.identity import CERTIFICATE, PRIVATE_KEY, IdentityFiles
from tests.support.certificate_cloud import certificate_id
from tests.support.children import killed_at_end
from tests.support.connect_proxy import ConnectProxy
from tests.support.gateway_process import COMMAND, alleycat_gateway
from tests.support.mosquitto import Authority, Mosquitto
from tests.support.provisioning_peer import ISSUE, REGISTER, ProvisioningPeer, rejection

pytestmark = pytest.mark.slow

USAGE = 2
TIMEOUT_S = 60


class Rig:
    def __init__(self, path: Path, peer: ProvisioningPeer, authority: Authority) -> None:
        self.peer = peer
        self.directory = path / "etc"
        self.directory.mkdir()
        self.options = {
            "--endpoint": "127.0.0.1",
            "--port": str(peer.port),
            "--ca-file": str(authority.ca_file),
            "--claim-certificate": str(peer.claim.certificate_file),
            "--claim-key": str(peer.claim.private_key_file),
            "--directory": str(self.directory),
            "--thing-name": "gateway-1",
        }

    def arguments(self, *more: str) -> list[str]:
        return ["provision", *(part for pair in self.options.items() for part in pair), *more]

    def run(self, *more: str) -> subprocess.CompletedProcess[str]:
        return alleycat_gateway(*self.arguments(*more))

    def run_killed(self, kill_at: "Moment") -> None:
        """`kill_at` has the peer kill the process at the right moment."""
        pids: SimpleQueue[int] = SimpleQueue()
        kill_at(self, lambda: os.kill(pids.get(timeout=TIMEOUT_S), signal.SIGKILL))
        with killed_at_end(
            subprocess.Popen(
                [*COMMAND, *self.arguments()], stdout=subprocess.PIPE, stderr=subprocess.STDOUT
            )
        ) as process:
            pids.put(process.pid)
            said, _ = process.communicate(timeout=TIMEOUT_S)
        assert process.returncode == -signal.SIGKILL, said.decode()

    @property
    def files(self) -> IdentityFiles:
        return IdentityFiles(self.directory)


#: Has the second kill the process.
Moment = Callable[[Rig, Callable[[], None]], None]


@pytest.fixture
def rig(tmp_path: Path) -> Iterator[Rig]:
    authority = Authority(tmp_path / "ca")
    with Mosquitto(tmp_path / "broker", authority) as broker:
        peer = ProvisioningPeer(broker, authority)
        yield Rig(tmp_path, peer, authority)
        peer.stop()


def test_certificate_is_got_through_a_proxy(rig: Rig, tmp_path: Path) -> None:
    file = tmp_path / "proxy"
    file.write_text("ada:secret\n")
    with ConnectProxy(credentials="ada:secret") as proxy:
        way = ("--proxy", proxy.url, "--proxy-credentials-file", str(file))
        ended = rig.run(*way)
        assert ended.returncode == 0, ended.stderr
        assert proxy.asked
    assert IdentityFiles(rig.directory).is_pair


def test_proxy_with_a_password_in_its_address_is_refused_without_repeating_it(rig: Rig) -> None:
    ended = rig.run("--proxy", "http://ada:secret@proxy.lan:3128")
    assert ended.returncode == USAGE
    assert "--proxy: expected http://HOST:PORT" in ended.stderr
    assert "secret" not in ended.stderr


def test_provision_names_its_own_options_in_the_remedy(rig: Rig, tmp_path: Path) -> None:
    rig.options["--ca-file"] = str(Authority(tmp_path / "other").ca_file)
    ended = rig.run()
    assert ended.returncode == 1
    assert "--ca-file must contain the CA of the broker's certificate" in ended.stderr
    assert "cloud." not in ended.stderr


def test_provision_prints_each_step_and_what_the_config_needs(rig: Rig) -> None:
    ended = rig.run()
    assert (ended.returncode, ended.stderr) == (0, "")
    name = rig.peer.issued[0][:8]
    assert ended.stdout.splitlines() == [
        "private key created",
        f"certificate {name}… issued, not active yet",
        "registered as thing gateway-1",
        "connected with the new certificate",
        f"installed: {rig.directory}/certificate.pem.crt and private.pem.key",
        'in the config, set thing_name = "gateway-1", and certificate_file and '
        "private_key_file under [cloud]",
    ]


def test_provisioned_files_are_where_the_shipped_config_looks_for_them() -> None:
    cloud = tomllib.loads(config_path("gateway.toml").read_text(encoding="utf-8"))["cloud"]
    directory = inspect.signature(provision).parameters["directory"].default
    assert cloud["certificate_file"] == f"{directory}/{CERTIFICATE}"
    assert cloud["private_key_file"] == f"{directory}/{PRIVATE_KEY}"
    assert "ca_file" not in cloud, "the system's CAs count, without a file"


def test_provision_json_is_one_line_and_the_steps_go_to_stderr(rig: Rig) -> None:
    ended = rig.run("--json")
    assert json.loads(ended.stdout) == {
        "thing_name": "gateway-1",
        "certificate_id": rig.peer.issued[0],
        "certificate_file": f"{rig.directory}/certificate.pem.crt",
        "private_key_file": f"{rig.directory}/private.pem.key",
        "resumed": False,
    }
    assert ended.stderr.startswith("private key created\n")


def test_existing_certificate_and_key_are_replaced_only_by_renew(rig: Rig) -> None:
    rig.run()
    before = rig.files.certificate.read_bytes()
    refused = rig.run()
    assert refused.returncode == USAGE
    assert "already exist; --renew replaces both" in refused.stderr
    assert rig.files.certificate.read_bytes() == before
    renewed = rig.run("--renew")
    assert renewed.returncode == 0, renewed.stderr
    assert rig.files.certificate.read_bytes() != before
    assert rig.files.is_pair


def test_lone_key_is_not_overwritten_by_provision(rig: Rig) -> None:
    (rig.directory / "private.pem.key").write_text("mine")
    refused = rig.run()
    assert refused.returncode == USAGE
    assert "not a pair" in refused.stderr
    assert (rig.directory / "private.pem.key").read_text() == "mine"


def test_rejected_provisioning_exits_with_1_without_traceback_or_token(rig: Rig) -> None:
    rig.peer.answers[REGISTER] = rejection(403, "AccessDenied", "hook says no")
    ended = rig.run()
    assert ended.returncode == 1
    assert "rejected: AccessDenied (403): hook says no" in ended.stderr
    assert "Traceback" not in ended.stderr
    assert "token-of" not in ended.stdout + ended.stderr


@pytest.mark.parametrize(
    ("option", "value", "said"),
    [
        ("--thing-name", "a:2", "a colon is reserved"),
        ("--thing-name", "", "expected 1 to 64"),
        ("--endpoint", "127.0.0.1:8883", "give the port with --port"),
        ("--ca-file", "nowhere.pem", "--ca-file nowhere.pem does not exist"),
        ("--claim-key", "nowhere.key", "--claim-key nowhere.key does not exist"),
        ("--claim-key", __file__, "are not a pair; expected PEM files"),
        ("--directory", "nowhere", "nowhere is not a directory"),
    ],
)
def test_provision_option_that_cannot_work_exits_with_2(
    rig: Rig, option: str, value: str, said: str
) -> None:
    rig.options[option] = value
    ended = rig.run()
    assert ended.returncode == USAGE
    assert said in ended.stderr
    assert rig.peer.requests == []


def when_asked(topic: str) -> "Moment":
    """Before the peer has done anything."""

    def kill_at(rig: Rig, kill: Callable[[], None]) -> None:
        rig.peer.answers[topic] = lambda _: kill()

    return kill_at


def when_done(topic: str) -> "Moment":
    """When the peer has done it, and before it says so."""

    def kill_at(rig: Rig, kill: Callable[[], None]) -> None:
        answer = rig.peer.answers[topic]

        def done(asked: dict[str, Any]) -> None:
            answer(asked)
            kill()

        rig.peer.answers[topic] = done

    return kill_at


def when_connected(rig: Rig, kill: Callable[[], None]) -> None:
    """With its new certificate."""
    rig.peer.on_let_in = lambda name: kill() if name in rig.peer.issued else None


@pytest.mark.parametrize(
    ("moment", "issued"),
    [
        (when_asked(ISSUE), 1),
        # What was issued and never heard of is gone: AWS deletes it within the hour.
        (when_done(ISSUE), 2),
        (when_asked(REGISTER), 1),
        (when_done(REGISTER), 1),
        (when_connected, 1),
    ],
    ids=["asked to issue", "issued", "asked to register", "registered", "connected"],
)
def test_provision_killed_while_waiting_is_completed_by_the_next_run(
    rig: Rig, moment: Moment, issued: int
) -> None:
    answers = dict(rig.peer.answers)
    rig.run_killed(moment)
    rig.peer.on_let_in = lambda _: None
    rig.peer.answers = answers
    assert not rig.files.is_there
    ended = rig.run()
    assert ended.returncode == 0, ended.stderr
    assert rig.files.is_pair
    assert certificate_id(rig.files.certificate.read_bytes()) in rig.peer.active
    assert len(rig.peer.issued) == issued


def test_provision_interrupted_by_ctrl_c_tells_how_to_continue(rig: Rig) -> None:
    with killed_at_end(
        subprocess.Popen(
            [*COMMAND, *rig.arguments()], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        )
    ) as process:
        rig.peer.answers[REGISTER] = lambda _: os.kill(process.pid, signal.SIGINT)
        _, said = process.communicate(timeout=TIMEOUT_S)
    assert process.returncode == 130
    assert said == "interrupted; run this command again to continue\n"
