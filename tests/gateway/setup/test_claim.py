"""A claim is found in a folder by what its files contain; the cloud's part: test_cloud_files.py."""

from pathlib import Path

import pytest

from gateway.setup.claim import ClaimError, claim_in, claim_on_a_stick, key_of
from tests.support.mosquitto import Authority, Credentials


@pytest.fixture
def mine(tmp_path: Path) -> Credentials:
    return Authority(tmp_path / "ca").issue("gateway-7")


@pytest.fixture
def stick(tmp_path: Path) -> Path:
    folder = tmp_path / "media" / "stick"
    folder.mkdir(parents=True)
    (folder / "holiday.jpg").write_bytes(b"\xff\xd8" * 100_000)
    return folder


def put(credentials: Credentials, folder: Path, name: str) -> tuple[Path, Path]:
    pair = folder / f"{name}.crt", folder / f"{name}.key"
    pair[0].write_bytes(credentials.certificate_file.read_bytes())
    pair[1].write_bytes(credentials.private_key_file.read_bytes())
    return pair


def test_claim_is_the_only_pair_in_its_folder(stick: Path, mine: Credentials) -> None:
    (stick / "ca.pem").write_bytes(mine.ca_file.read_bytes())
    pair = put(mine, stick, "any")
    assert claim_in(stick) == pair
    assert key_of(pair[0]) == pair[1]
    assert key_of(stick / "ca.pem") is None


def test_claim_among_several_pairs_is_the_one_with_that_name(
    stick: Path, mine: Credentials
) -> None:
    put(mine, stick, "gateway-7")
    assert claim_in(stick) == (stick / "gateway-7.crt", stick / "gateway-7.key")
    assert put(mine, stick, "claim") == (stick / "claim.crt", stick / "claim.key")
    (stick / "gateway-7.key").unlink()
    (stick / "gateway-7.crt").unlink()
    put(Authority(stick.parent / "other").issue("x"), stick, "x")
    assert claim_in(stick)[0] == stick / "claim.crt"


def test_folder_without_a_claim_is_refused_with_what_was_expected(
    stick: Path, mine: Credentials
) -> None:
    with pytest.raises(ClaimError, match=r"no certificate with its key; expected .* claim\.pem"):
        claim_in(stick)
    put(mine, stick, "a")
    put(Authority(stick.parent / "other").issue("x"), stick, "b")
    with pytest.raises(ClaimError, match="several certificates"):
        claim_in(stick)
    with pytest.raises(ClaimError, match=r"cannot read .*gone"):
        claim_in(stick / "gone")


def test_claim_on_a_mounted_stick_is_proposed(stick: Path, mine: Credentials) -> None:
    places = (f"{stick.parent}/*", str(stick.parent))
    assert claim_on_a_stick(places) is None
    put(mine, stick, "claim")
    assert claim_on_a_stick(places) == stick
