"""What counts as usable credentials connects to a real broker, and everything else is described."""

import errno
import os
import ssl
import subprocess
import threading
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    load_pem_private_key,
)

from gateway.cloud.credentials import read_credentials
from gateway.cloud.diagnosis import diagnose
from gateway.cloud.iot_client import build_client
from gateway.cloud.uplink import CredentialsError
from gateway.config.cloud import CloudConfig
from gateway.config.pem import certificates_problem, pair_problem
from tests.support.files import UNREADABLE
from tests.support.mosquitto import Authority, Mosquitto

CONNECT_TIMEOUT_S = 10.0
DAMAGED = b"-----BEGIN CERTIFICATE-----\nMIIBAAAA\n-----END CERTIFICATE-----\n"
EC_PARAMETERS = b"-----BEGIN EC PARAMETERS-----\nBggqhkjOPQMBBw==\n-----END EC PARAMETERS-----\n"
CRL = b"-----BEGIN X509 CRL-----\nMIIBAAAA\n-----END X509 CRL-----\n"

#: The contents of "cert.pem", "key.pem", "ca.pem", and of "other.pem", another CA.
Files = dict[str, bytes]


@pytest.fixture(scope="module")
def directory(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("broker")


@pytest.fixture(scope="module")
def authority(directory: Path) -> Authority:
    return Authority(directory / "ca")


@pytest.fixture(scope="module")
def issued(directory: Path, authority: Authority) -> Files:
    one = authority.issue("gateway-1")
    return {
        "cert.pem": one.certificate_file.read_bytes(),
        "key.pem": one.private_key_file.read_bytes(),
        "ca.pem": one.ca_file.read_bytes(),
        "other.pem": Authority(directory / "other").ca_certificate_pem,
    }


@pytest.fixture(scope="module")
def broker(directory: Path, authority: Authority) -> Iterator[Mosquitto]:
    with Mosquitto(directory, authority) as broker:
        yield broker


def cloud_of(files: Mapping[str, bytes], directory: Path, port: int = 8883) -> CloudConfig:
    for name, content in files.items():
        (directory / name).write_bytes(content)
        (directory / name).chmod(0o600)
    return CloudConfig(
        endpoint="127.0.0.1",
        port=port,
        ca_file=directory / "ca.pem",
        certificate_file=directory / "cert.pem",
        private_key_file=directory / "key.pem",
    )


def connects(cloud: CloudConfig) -> bool:
    """Return whether awscrt connects with the files."""
    ended, found = threading.Event(), []

    def end(*, is_connected: bool) -> None:
        found.append(is_connected)
        ended.set()

    client = build_client(
        cloud,
        "gateway-1",
        read_credentials(cloud),
        on_lifecycle_event_connection_success_fn=lambda _: end(is_connected=True),
        on_lifecycle_event_connection_failure_fn=lambda _: end(is_connected=False),
    )
    client.start()
    ended.wait(CONNECT_TIMEOUT_S)
    client.stop()
    return found[:1] == [True]


def everywhere(change: Callable[[bytes], bytes]) -> Callable[[Files], Files]:
    return lambda files: {name: change(content) for name, content in files.items()}


def indented(pem: bytes) -> bytes:
    return b"  " + pem.replace(b"\n", b"\n  ")


def public_key(files: Files) -> bytes:
    key = load_pem_private_key(files["key.pem"], None).public_key()
    return key.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)


def relabelled(files: Files) -> Files:
    old = b" X509 CERTIFICATE"
    return {name: pem.replace(b" CERTIFICATE", old) for name, pem in files.items()}


#: How people have their files, each as the changed contents.
GOOD: dict[str, Callable[[Files], Files]] = {
    "as issued": lambda files: {},
    "key and certificate in one file": lambda files: dict.fromkeys(
        ("key.pem", "cert.pem"), files["key.pem"] + files["cert.pem"]
    ),
    "certificate and key in one file": lambda files: dict.fromkeys(
        ("key.pem", "cert.pem"), files["cert.pem"] + files["key.pem"]
    ),
    "certificate with its CA": lambda files: {"cert.pem": files["cert.pem"] + files["ca.pem"]},
    "a later one of several CAs": lambda files: {"ca.pem": files["other.pem"] + files["ca.pem"]},
    "CA with its key": lambda files: {"ca.pem": files["key.pem"] + files["ca.pem"]},
    "CA with a revocation list": lambda files: {"ca.pem": CRL + files["ca.pem"]},
    "parameters of the curve": lambda files: {"key.pem": EC_PARAMETERS + files["key.pem"]},
    "public key first": lambda files: {"key.pem": public_key(files) + files["key.pem"]},
    "label of old tools": relabelled,
    "byte-order mark": everywhere(lambda pem: b"\xef\xbb\xbf" + pem),
    "line ends of Windows": everywhere(lambda pem: pem.replace(b"\n", b"\r\n")),
    "line ends of old Macs": everywhere(lambda pem: pem.replace(b"\n", b"\r")),
    "no line end at the end": everywhere(bytes.rstrip),
    "blank lines": everywhere(lambda pem: pem.replace(b"\n", b"\n\n")),
    "indented": everywhere(indented),
    "a comment in Latin-1": everywhere(lambda pem: b"# M\xfcller -----\n" + pem),
}


@pytest.mark.parametrize("change", GOOD.values(), ids=GOOD)
async def test_usable_files_connect_and_have_no_problem(
    change: Callable[[Files], Files], issued: Files, broker: Mosquitto, tmp_path: Path
) -> None:
    cloud = cloud_of({**issued, **change(issued)}, tmp_path, broker.port)
    assert pair_problem(cloud.certificate_file, cloud.private_key_file) is None
    assert certificates_problem(cloud.ca_file) is None
    assert await diagnose(cloud, "auto") is None
    assert connects(cloud)


def as_trusted(pem: bytes) -> bytes:
    command = ("openssl", "x509", "-trustout")
    return subprocess.run(command, input=pem, stdout=subprocess.PIPE, check=True).stdout


def for_openssh(pem: bytes) -> bytes:
    key = load_pem_private_key(pem, None)
    return key.private_bytes(Encoding.PEM, PrivateFormat.OpenSSH, NoEncryption())


def as_der(pem: bytes) -> bytes:
    return ssl.PEM_cert_to_DER_cert(pem.decode())


def as_utf_16(pem: bytes) -> bytes:
    return pem.decode().encode("utf-16")


#: Files that cannot be used: the name of the file, its content, and what is reported.
BAD: dict[str, tuple[str, Callable[[Files], bytes], str]] = {
    "trusted certificate": (
        "cert.pem",
        lambda files: as_trusted(files["cert.pem"]),
        "{file} contains a TRUSTED CERTIFICATE, a format that only OpenSSL reads; to convert it, "
        "run: openssl x509 -in {file} -out NEW_FILE",
    ),
    "trusted CA": (
        "ca.pem",
        lambda files: as_trusted(files["ca.pem"]),
        "{file} contains a TRUSTED CERTIFICATE",
    ),
    "key of OpenSSH": (
        "key.pem",
        lambda files: for_openssh(files["key.pem"]),
        "{file} is in the format of OpenSSH, which TLS does not use; to convert a copy, run: "
        "install -m 600 {file} NEW_FILE && ssh-keygen -p -m PKCS8 -f NEW_FILE",
    ),
    "CA before the certificate": (
        "cert.pem",
        lambda files: files["ca.pem"] + files["cert.pem"],
        "{file} does not begin with the certificate of",
    ),
    "CA damaged among others": (
        "ca.pem",
        lambda files: files["other.pem"] + DAMAGED + files["ca.pem"],
        "certificate 2 of 3 in {file} is damaged; copy it again",
    ),
    "CA truncated after others": (
        "ca.pem",
        lambda files: files["ca.pem"] + files["other.pem"][:200],
        "certificate 2 of 2 in {file} is damaged",
    ),
    "CA truncated before others": (
        "ca.pem",
        lambda files: files["other.pem"][:200] + b"\n" + files["ca.pem"],
        "certificate 1 of 2 in {file} is damaged",
    ),
    "empty CA file": ("ca.pem", lambda _: b"", "{file} contains no certificate"),
    "DER": (
        "cert.pem",
        lambda files: as_der(files["cert.pem"]),
        "{file} contains no certificate; expected PEM (-----BEGIN … CERTIFICATE-----), but it may "
        "be DER; to convert it, run: openssl x509 -in {file} -out NEW_FILE",
    ),
    "key in DER": (
        "key.pem",
        lambda files: as_der(files["cert.pem"]),
        "but it may be DER; to convert it, run: openssl pkey -in {file} -out NEW_FILE; then set "
        "cloud.private_key_file to NEW_FILE",
    ),
    "UTF-16": (
        "cert.pem",
        lambda files: as_utf_16(files["cert.pem"]),
        "but it is text in UTF-16; save it as UTF-8",
    ),
    "key truncated": ("key.pem", lambda files: files["key.pem"][:-30], "{file} cannot be read"),
    "key damaged": (
        "key.pem",
        lambda files: files["key.pem"].replace(b"M", b"N", 1),
        "{file} cannot be read",
    ),
}


@pytest.mark.parametrize(("name", "spoil", "words"), BAD.values(), ids=BAD)
async def test_unusable_file_is_described_at_the_start_and_at_a_reload(
    name: str, spoil: Callable[[Files], bytes], words: str, issued: Files, tmp_path: Path
) -> None:
    cloud = cloud_of({**issued, name: spoil(issued)}, tmp_path)
    expected = words.format(file=tmp_path / name)
    problem = (
        certificates_problem(cloud.ca_file)
        if name == "ca.pem"
        else pair_problem(cloud.certificate_file, cloud.private_key_file)
    )
    assert problem is not None
    assert expected in problem
    with pytest.raises(CredentialsError) as refused:
        read_credentials(cloud)
    assert expected in str(refused.value)
    assert await diagnose(cloud, "auto") is None  # what it could find is known


def gone(file: Path) -> None:
    """Leave nothing."""
    assert not file.exists()


def closed_loop(file: Path) -> None:
    file.symlink_to(file)


@pytest.mark.parametrize("name", ["cert.pem", "key.pem", "ca.pem"])
@pytest.mark.parametrize(
    "make", [gone, closed_loop, *UNREADABLE.values()], ids=["gone", "loop", *UNREADABLE]
)
def test_file_that_cannot_be_read_is_a_credentials_error(
    name: str, make: Callable[[Path], object], issued: Files, tmp_path: Path
) -> None:
    cloud = cloud_of(issued, tmp_path)
    (tmp_path / name).unlink()
    make(tmp_path / name)
    with pytest.raises(CredentialsError, match=f"{name}"):
        read_credentials(cloud)


@pytest.mark.parametrize("path", ["/" + "x" * 300, "/" + "x/" * 3000], ids=["name", "path"])
def test_path_longer_than_the_system_allows_is_a_credentials_error(
    path: str, issued: Files, tmp_path: Path
) -> None:
    cloud = cloud_of(issued, tmp_path).model_copy(update={"ca_file": Path(path)})
    with pytest.raises(CredentialsError, match="File name too long; expected a readable PEM file"):
        read_credentials(cloud)


@pytest.mark.parametrize("call", ["open", "memfd_create"])
async def test_process_that_can_open_no_more_files_is_a_credentials_error(
    call: str, issued: Files, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    cloud = cloud_of(issued, tmp_path)

    def refused(*_: object) -> int:
        raise OSError(errno.EMFILE, os.strerror(errno.EMFILE))

    monkeypatch.setattr(os, call, refused)
    with pytest.raises(CredentialsError, match="Too many open files"):
        read_credentials(cloud)
    assert await diagnose(cloud, "auto") is None


def test_credentials_do_not_depend_on_what_a_file_becomes_after_it_was_read(
    issued: Files, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each file is opened once: the key that was checked is the key that is used."""
    cloud, opened = cloud_of(issued, tmp_path), []
    really = os.open

    def noted(path: str | Path, *arguments: int) -> int:
        opened.append(path)
        return really(path, *arguments)

    monkeypatch.setattr(os, "open", noted)
    assert read_credentials(cloud) is not None
    files = [cloud.certificate_file, cloud.private_key_file, cloud.ca_file]
    assert [file for file in opened if file in files] == files
