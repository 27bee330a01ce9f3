"""The steps to a certificate, and a kill between any two of them; over MQTT: test_claim.py."""

import grp
import os
import subprocess
import sys
from collections.abc import Iterator
from itertools import count
from pathlib import Path

import pytest

from gateway.provisioning import identity
from gateway.provisioning.identity import IdentityFiles
from gateway.provisioning.steps import (
    TOKEN_LIFE_S,
    Order,
    Provisioned,
    Provisioning,
    ProvisioningError,
)
from tests.support.certificate_cloud import NOW_S, ORDER, CertificateCloud, certificate_id
from tests.support.children import killed_at_end

Runner = subprocess.Popen[str]


class Rig:
    def __init__(self, path: Path) -> None:
        self.directory = path / "etc"
        self.directory.mkdir()
        self.memory = path / "cloud.json"
        self.cloud = CertificateCloud(self.memory)
        self.said: list[str] = []

    @property
    def files(self) -> IdentityFiles:
        return IdentityFiles(self.directory)

    def run(self, order: Order = ORDER, now_s: float = NOW_S) -> Provisioned:
        return Provisioning(order, self.files, self.cloud, lambda: now_s, self.said.append).run()

    def run_killed_at(self, step: int, runner: Runner) -> bool:
        """Run in a process of its own; return False if it ended before that step."""
        assert runner.stdin is not None
        assert runner.stdout is not None
        runner.stdin.write(f"{self.directory}\t{self.memory}\t{step}\n")
        runner.stdin.flush()
        exit_code = int(runner.stdout.readline())
        assert exit_code in (0, -9)
        return exit_code == -9

    @property
    def in_place(self) -> str | None:
        """Which certificate; None if there is no pair."""
        files = self.files
        return certificate_id(files.certificate.read_bytes()) if files.is_pair else None


@pytest.fixture(scope="module")
def runner() -> Iterator[Runner]:
    """A process that forks for each run, which is quicker than to start an interpreter."""
    with killed_at_end(
        subprocess.Popen(
            [sys.executable, "-B", "-m", "tests.support.certificate_cloud"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
    ) as process:
        yield process


@pytest.fixture
def rig(tmp_path: Path) -> Rig:
    return Rig(tmp_path)


def leftovers(rig: Rig) -> list[str]:
    """What is there beside the pair in use and the links to it."""
    current = (rig.directory / "identity").readlink().name
    expected = {"identity", current, "certificate.pem.crt", "private.pem.key"}
    inside = {"certificate.pem.crt", "private.pem.key"}
    return [
        *sorted(set(os.listdir(rig.directory)) - expected),
        *sorted(set(os.listdir(rig.directory / current)) - inside),
    ]


def test_provisioning_ends_with_an_active_certificate_and_its_key(rig: Rig) -> None:
    done = rig.run()
    assert rig.in_place == done.certificate_id
    assert rig.cloud.active == [done.certificate_id]
    assert rig.cloud.asked == ["issue", "register", "connect"]
    assert not done.is_resumed
    assert leftovers(rig) == []


def modes(rig: Rig) -> list[int]:
    files = (rig.files.private_key, rig.files.certificate, rig.directory / "identity")
    return [file.stat().st_mode & 0o777 for file in files]


def test_owner_alone_may_read_the_key_where_there_is_no_group(
    rig: Rig, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(identity, "GROUP", "nobody-has-this-group")
    rig.run()
    assert modes(rig) == [0o600, 0o600, 0o700]


@pytest.mark.skipif(os.geteuid() != 0, reason="only root gives files to a group")
def test_the_gateways_group_may_read_the_key_and_never_the_token(
    rig: Rig, monkeypatch: pytest.MonkeyPatch
) -> None:
    group = grp.getgrgid(1)
    monkeypatch.setattr(identity, "GROUP", group.gr_name)
    rig.cloud.register, register = _refuse, rig.cloud.register  # type: ignore[method-assign]
    with pytest.raises(ProvisioningError):
        rig.run()
    token = rig.files.new_private_key.with_name("request.json").stat()
    assert token.st_mode & 0o777 == 0o600
    rig.cloud.register = register  # type: ignore[method-assign]
    rig.run()
    assert modes(rig) == [0o640, 0o640, 0o750]
    assert rig.files.private_key.stat().st_gid == group.gr_gid


def test_provisioning_steps_never_tell_a_token(rig: Rig) -> None:
    rig.run()
    assert "token-of" not in "".join(rig.said)


@pytest.mark.slow
@pytest.mark.parametrize("is_renewal", [False, True], ids=["first", "renewal"])
def test_provisioning_killed_at_any_step_is_completed_by_the_next_run(
    tmp_path: Path, runner: Runner, is_renewal: bool
) -> None:
    for step in count(1):
        (path := tmp_path / str(step)).mkdir()
        rig = Rig(path)
        before = rig.run().certificate_id if is_renewal else None
        if not rig.run_killed_at(step, runner):
            break
        # A reader finds the pair that was there, or the new one; never a key with another's
        # certificate, never one that is not active.
        assert rig.in_place in {before, *rig.cloud.active}
        issued, is_noted = rig.cloud.issued, rig.files.load("request.json") is not None
        done = rig.run()
        assert rig.in_place == done.certificate_id
        assert done.certificate_id in rig.cloud.active
        assert leftovers(rig) == []
        assert rig.cloud.issued == issued + (not is_noted)
    assert step > 30, "the steps were not seen"


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["pair", "lone key", "lone certificate", "links of one's own"])
def test_files_put_there_by_hand_are_replaced_as_a_pair(
    tmp_path: Path, runner: Runner, kind: str
) -> None:
    (tmp_path / "elsewhere").mkdir()
    by_hand = Rig(tmp_path / "elsewhere")
    old = by_hand.run().certificate_id
    for step in count(1):
        (path := tmp_path / str(step)).mkdir()
        rig = Rig(path)
        put_there(rig, by_hand, kind)
        was_pair = rig.files.is_pair
        if not rig.run_killed_at(step, runner):
            break
        assert not was_pair or rig.in_place in {old, *rig.cloud.active}
        rig.run()
        assert rig.in_place in rig.cloud.active
        assert leftovers(rig) == []
    assert by_hand.in_place == old


def put_there(rig: Rig, by_hand: Rig, kind: str) -> None:
    names = ["certificate.pem.crt", "private.pem.key"]
    for name in {"lone key": names[1:], "lone certificate": names[:1]}.get(kind, names):
        if kind == "links of one's own":
            (rig.directory / name).symlink_to(by_hand.directory / name)
        else:
            (rig.directory / name).write_bytes((by_hand.directory / name).read_bytes())


def test_lost_answer_to_registering_needs_no_second_certificate(rig: Rig) -> None:
    def answer_lost(token: str) -> None:
        CertificateCloud.register(rig.cloud, token)
        raise ProvisioningError("no answer")

    rig.cloud.register = answer_lost  # type: ignore[method-assign]
    with pytest.raises(ProvisioningError, match="no answer"):
        rig.run()
    rig.cloud.asked.clear()
    assert rig.run().is_resumed
    assert (rig.cloud.asked, rig.cloud.issued) == (["connect"], 1)


def test_expired_token_gets_another_certificate_for_the_same_key(rig: Rig) -> None:
    rig.cloud.tokens_hold = False
    with pytest.raises(ProvisioningError):
        rig.run()
    key = rig.files.new_private_key.read_bytes()
    rig.cloud.tokens_hold = True
    rig.run(now_s=NOW_S + TOKEN_LIFE_S + 1)
    assert rig.cloud.issued == 2
    assert rig.files.private_key.read_bytes() == key


def test_refused_token_is_given_up_and_the_next_run_gets_another(rig: Rig) -> None:
    rig.cloud.tokens_hold = False
    with pytest.raises(
        ProvisioningError, match="run this command again to get another certificate"
    ):
        rig.run()
    assert rig.in_place is None
    rig.cloud.tokens_hold = True
    rig.run()
    assert rig.cloud.issued == 2


def test_a_failed_renewal_leaves_the_old_pair(rig: Rig) -> None:
    old = rig.run().certificate_id
    rig.cloud.tokens_hold = False
    with pytest.raises(ProvisioningError):
        rig.run()
    assert rig.in_place == old


def test_certificate_that_cannot_connect_is_not_put_in_place(rig: Rig) -> None:
    why_not = rig.cloud.why_not
    rig.cloud.why_not = lambda *_: "not authorised"  # type: ignore[method-assign]
    with pytest.raises(
        ProvisioningError, match=r"gateway-1 cannot connect .*: not authorised; run"
    ):
        rig.run()
    assert rig.in_place is None
    rig.cloud.why_not = why_not  # type: ignore[method-assign]
    rig.run()
    assert rig.cloud.issued == 1
    assert [rig.in_place] == rig.cloud.active


@pytest.mark.parametrize(
    "order",
    [
        Order("other", ORDER.template, ORDER.thing_name),
        Order(ORDER.endpoint, "other", ORDER.thing_name),
        Order(ORDER.endpoint, ORDER.template, "gateway-2"),
    ],
)
def test_provisioning_begun_for_another_order_is_not_resumed(rig: Rig, order: Order) -> None:
    rig.cloud.register, register = _refuse, rig.cloud.register  # type: ignore[method-assign]
    with pytest.raises(ProvisioningError):
        rig.run()
    key = rig.files.new_private_key.read_bytes()
    rig.cloud.register = register  # type: ignore[method-assign]
    assert not rig.run(order).is_resumed
    assert rig.cloud.issued == 2
    assert rig.files.private_key.read_bytes() != key


def _refuse(token: str) -> None:
    raise ProvisioningError("template disabled")


@pytest.mark.parametrize("note", [b'{"order": {}}', b"[" * 9999], ids=["other", "nested"])
def test_unreadable_note_starts_provisioning_again(rig: Rig, note: bytes) -> None:
    rig.cloud.register, register = _refuse, rig.cloud.register  # type: ignore[method-assign]
    with pytest.raises(ProvisioningError):
        rig.run()
    rig.files.save("request.json", note)
    rig.cloud.register = register  # type: ignore[method-assign]
    rig.run()
    assert rig.in_place is not None


def test_provisioning_is_on_disk_before_the_cloud_is_asked_for_more(
    rig: Rig, monkeypatch: pytest.MonkeyPatch
) -> None:
    done: list[str] = []
    fsync = os.fsync

    def recorded(descriptor: int) -> None:
        fsync(descriptor)
        done.append(Path(os.readlink(f"/proc/self/fd/{descriptor}")).name.split("-")[0])

    monkeypatch.setattr(os, "fsync", recorded)
    rig.cloud.asked = done
    rig.run()
    assert done == [
        "etc", "etc", ".private.pem.key.new", "identity", "issue",
        ".certificate.pem.crt.new", "identity", ".request.json.new", "identity",
        "register", "connect",
        ".request.json.new", "identity", "etc", "etc", "etc", "identity",
    ]  # fmt: skip
