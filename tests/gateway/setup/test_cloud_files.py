"""`setup --claim` against a cloud that issues certificates, with the files as a person has them."""

import shutil
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from gateway.provisioning.identity import IdentityFiles
from gateway.setup.answers import Answers, Current
from gateway.setup.claim import ClaimError
from gateway.setup.cloud_files import claimed, for_the_service, without_missing_ca
from tests.support.connect_proxy import ConnectProxy
from tests.support.mosquitto import Authority, Mosquitto
from tests.support.provisioning_peer import ProvisioningPeer

NEW = Current({"cloud": {"endpoint": "EXAMPLE"}}, is_new=True)


@dataclass
class Rig:
    file: Path
    stick: Path
    authority: Authority
    peer: ProvisioningPeer
    steps: list[str] = field(default_factory=list)

    def answers(self, thing: str) -> Answers:
        cloud: dict[str, object] = {
            "endpoint": "127.0.0.1",
            "port": self.peer.port,
            "ca_file": str(self.authority.ca_file),
        }
        return Answers(thing_name=thing, cloud=cloud, claim=self.stick)

    def claim(self, thing: str, *, may_replace: bool = False, current: Current = NEW) -> Answers:
        answers = self.answers(thing)
        template = "alleycat-gateway"
        claimed(self.file, current, answers, template, self.steps.append, lambda _: may_replace)
        return answers


@pytest.fixture
def rig(tmp_path: Path) -> Iterator[Rig]:
    authority = Authority(tmp_path / "ca")
    stick, etc = tmp_path / "stick", tmp_path / "etc"
    stick.mkdir()
    etc.mkdir()
    with Mosquitto(tmp_path / "broker", authority) as broker:
        peer = ProvisioningPeer(broker, authority)
        shutil.copy(peer.claim.certificate_file, stick / "claim.pem.crt")
        shutil.copy(peer.claim.private_key_file, stick / "claim.pem.key")
        yield Rig(etc / "gateway.toml", stick, authority, peer)
        peer.stop()


@pytest.mark.slow
def test_claim_becomes_the_gateways_own_certificate(rig: Rig) -> None:
    answers = rig.claim("gateway-7")
    files = IdentityFiles(rig.file.parent)
    assert answers.claim is None
    assert answers.cloud is not None
    assert answers.cloud["certificate_file"] == str(files.certificate)
    assert files.is_pair
    rig.claim("gateway-7")
    assert len(rig.peer.issued) == 1, "it has its certificate already"
    assert rig.steps[-1].startswith("gateway-7 has its certificate already: ")


@pytest.mark.slow
def test_certificate_of_unknown_origin_is_replaced_only_if_that_is_allowed(rig: Rig) -> None:
    files, other = IdentityFiles(rig.file.parent), rig.authority.issue("other")
    files.certificate.write_bytes(other.certificate_file.read_bytes())
    files.private_key.write_bytes(other.private_key_file.read_bytes())
    with pytest.raises(
        ClaimError, match=r"gateway-7 cannot connect with .*; move these files away"
    ):
        rig.claim("gateway-7")
    assert files.certificate.read_bytes() == other.certificate_file.read_bytes()
    rig.claim("gateway-7", may_replace=True)
    assert files.certificate.read_bytes() != other.certificate_file.read_bytes()


@pytest.mark.slow
def test_claim_takes_the_way_of_the_current_config(rig: Rig) -> None:
    (rig.file.parent / "proxy").write_text("ada:secret\n")
    with ConnectProxy(credentials="ada:secret") as proxy:
        way = {"proxy": proxy.url, "proxy_credentials_file": "proxy"}
        rig.claim("gateway-7", current=Current({"cloud": way | {"endpoint": "x"}}, is_new=False))
        assert proxy.asked
    assert len(rig.peer.issued) == 1


def test_answers_without_a_claim_need_none(tmp_path: Path) -> None:
    answers = Answers(cloud={"endpoint": "x.example"})
    claimed(tmp_path / "gateway.toml", NEW, answers, "t", print, lambda _: False)
    assert answers == Answers(cloud={"endpoint": "x.example"})


def test_thing_name_with_a_colon_is_refused_before_anything_is_asked(tmp_path: Path) -> None:
    answers = Answers(thing_name="a:2", cloud={"endpoint": "x.example"}, claim=tmp_path)
    with pytest.raises(ClaimError, match="expected no colon"):
        claimed(tmp_path / "gateway.toml", NEW, answers, "t", print, lambda _: False)


@pytest.mark.parametrize(("is_there", "removed"), [(True, {}), (False, {"ca_file": None})])
def test_ca_file_is_removed_only_if_it_is_missing(
    tmp_path: Path, is_there: bool, removed: dict[str, object]
) -> None:
    if is_there:
        (tmp_path / "ca.pem").touch()
    answers = Answers(cloud={"endpoint": "x.example"})
    current = Current({"cloud": {"ca_file": "ca.pem"}}, is_new=False)
    without_missing_ca(tmp_path / "gateway.toml", current, answers)
    assert answers.cloud == {"endpoint": "x.example", **removed}


def test_files_of_a_config_of_ones_own_are_left_alone(tmp_path: Path) -> None:
    answers = Answers(cloud={"private_key_file": "/nowhere/key"})
    for_the_service(tmp_path / "gateway.toml", answers, print)
    assert answers.cloud == {"private_key_file": "/nowhere/key"}
