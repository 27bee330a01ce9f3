"""PEM files: the certificates and keys in them, in the one form that every TLS library reads.

awscrt refuses a file with anything else in it, such as a certificate in the file of its key, and
OpenSSL refuses line ends and blanks that awscrt accepts. Both can use the form returned here.
"""

import base64
import os
import re
import ssl
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from gateway.host.atomic_file import read_file

#: Limit of a file's size, in bytes: Debian's file with all public CAs has 220 KB.
MAX_BYTES = 4 * 1024 * 1024
#: The keys that TLS accepts, here and in AWS IoT Core.
KEYS = "RSA with 2048 bits or more, or ECDSA with the curve P-256, P-384 or P-521"
#: The ends of the labels of a certificate and a private key.
CERTIFICATE, PRIVATE_KEY = "CERTIFICATE", "PRIVATE KEY"
#: The command that converts a file to PEM, and what to do with its output.
_CONVERTERS = {
    CERTIFICATE: ("openssl x509", "name NEW_FILE in the config instead"),
    PRIVATE_KEY: ("openssl pkey", "set cloud.private_key_file to NEW_FILE"),
}
#: A block (RFC 7468, 3): label, content, and end unless the file is truncated.
_BLOCK = re.compile(
    rb"-----BEGIN ([A-Z0-9 ]+)-----(.*?)(?:(-----END \1-----)|(?=-----BEGIN )|\Z)", re.DOTALL
)
#: The first byte of a file in DER, and the first two of text in UTF-16.
_DER, _UTF_16 = b"\x30", (b"\xff\xfe", b"\xfe\xff")
#: OpenSSL's reasons why a certificate, or one of its CAs in the same file, is too weak.
_TOO_WEAK = {
    "EE_KEY_TOO_SMALL": "its key is",
    "CA_KEY_TOO_SMALL": "the key of a CA in it is",
    "CA_MD_TOO_WEAK": "a signature in it is",
}
#: OpenSSL's reasons for a key that belongs to another certificate.
_MISMATCHES = ("KEY_VALUES_MISMATCH", "KEY_TYPE_MISMATCH", "NO_CERTIFICATE_ASSIGNED")
#: The marks of an encrypted key: its label (RFC 7468, 11), or a header (RFC 1421, 4.6.1.1).
_ENCRYPTED_LABEL, _ENCRYPTED_HEADER = b"ENCRYPTED PRIVATE KEY", b"Proc-Type: 4,ENCRYPTED"

#: Label, and base64 without blanks. None: the block is truncated.
_Block = tuple[bytes, bytes | None]


class BadPem(ValueError):
    """A PEM file that TLS cannot use. The text names the file, what is wrong and what to do."""


def open_key_problem(key: Path | None) -> str | None:
    """Describe a private key that every user can access; None if it is protected."""
    assert key is not None
    try:
        mode = stat.S_IMODE(key.stat().st_mode)
    except OSError as error:
        return _unreadable(key, PRIVATE_KEY, error)
    if mode & stat.S_IRWXO:
        return (
            f"every user can access {key} (mode {mode:04o}); expected mode 0600 or 0640: "
            f"chmod 600 {key}"
        )
    return None


def pem_problem(file: Path | None, kind: str) -> str | None:
    """Describe a file that contains no block of a `kind`, such as CERTIFICATE; None if it does."""
    if file is None:
        return _missing(kind)
    try:
        _blocks(file, kind)
    except BadPem as error:
        return str(error)
    return None


def certificates_problem(file: Path | None) -> str | None:
    """Describe why TLS cannot read the certificates in a file; None if it can."""
    if file is None:
        return _missing(CERTIFICATE)
    try:
        read_certificates(file)
    except BadPem as error:
        return str(error)
    return None


def pair_problem(certificate: Path | None, key: Path | None) -> str | None:
    """Describe why TLS cannot use this key with this certificate; None if it can."""
    assert certificate is not None
    assert key is not None
    try:
        read_pair(certificate, key)
    except BadPem as error:
        return str(error)
    return None


def read_pair(certificate: Path, key: Path) -> tuple[bytes, bytes]:
    """Return the certificates and the private key that belongs to the first. Raises BadPem."""
    pair = read_certificates(certificate), _read_private_key(key)
    try:
        load_pair(ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT), *pair)
    except ssl.SSLError as error:
        raise BadPem(_unusable(certificate, key, pair, error)) from error
    except OSError as error:  # no file can be opened
        raise BadPem(f"{certificate} and {key} cannot be checked: {error.strerror}") from error
    return pair


def load_pair(context: ssl.SSLContext, certificates: bytes, key: bytes) -> None:
    """Let a context use what `read_pair` returned. Raises OSError: ssl.SSLError for a mismatch."""
    with _in_memory(certificates + key) as file:
        context.load_cert_chain(file, password="")


def read_certificates(file: Path) -> bytes:
    """Return the certificates in a file, and nothing else of it. Raises BadPem."""
    blocks = _blocks(file, CERTIFICATE)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)  # one is enough, and takes long to make
    return b"".join(_certificate(file, blocks, index, context) for index in range(len(blocks)))


def _certificate(file: Path, blocks: list[_Block], index: int, context: ssl.SSLContext) -> bytes:
    label, body = blocks[index]
    if label == b"TRUSTED CERTIFICATE":
        what = f"{file} contains a TRUSTED CERTIFICATE, a format that only OpenSSL reads"
        raise BadPem(f"{what}; {_conversion(file, CERTIFICATE)}")
    try:
        if body is None:
            raise ValueError("truncated")
        der = base64.b64decode(body, validate=True)
        context.load_verify_locations(cadata=der)
    except (ValueError, ssl.SSLError) as error:
        which = f"certificate {index + 1} of {len(blocks)} in {file}" if blocks[1:] else f"{file}"
        raise BadPem(f"{which} is damaged; copy it again") from error
    return _block(b"CERTIFICATE", body)


def _read_private_key(file: Path) -> bytes:
    """Return the first private key in a file, and nothing else of it. Raises BadPem."""
    label, body = _blocks(file, PRIVATE_KEY)[0]
    if label == _ENCRYPTED_LABEL or (body or b"").startswith(_without_blanks(_ENCRYPTED_HEADER)):
        remedy = _conversion(file, PRIVATE_KEY, "decrypt")
        raise BadPem(f"{file} is encrypted, and the gateway knows no passphrase; {remedy}")
    if label == b"OPENSSH PRIVATE KEY":
        # ssh-keygen refuses a key that a group may read, and keeps it from the group afterwards.
        remedy = (
            f"to convert a copy, run: install -m 600 {file} NEW_FILE && ssh-keygen -p -m PKCS8 -f "
            f"NEW_FILE; then {_CONVERTERS[PRIVATE_KEY][1]}"
        )
        raise BadPem(f"{file} is in the format of OpenSSH, which TLS does not use; {remedy}")
    if body is None:
        raise BadPem(f"{file} cannot be read (truncated); copy the key again")
    return _block(label, body)


def _unusable(certificate: Path, key: Path, pair: tuple[bytes, bytes], error: ssl.SSLError) -> str:
    reason = error.reason or ""
    where = f"cloud.certificate_file {certificate}"
    if reason in _TOO_WEAK:
        expected = f"{KEYS}, signed with SHA-256 or better"
        return f"{where}: {_TOO_WEAK[reason]} too weak for TLS ({reason}); expected {expected}"
    if reason in _MISMATCHES and _fits_later(*pair):
        return (
            f"{where} does not begin with the certificate of {key}; move that certificate to the "
            "beginning of the file, before those of its CAs"
        )
    if reason in _MISMATCHES:
        return f"{key} does not match {where} ({reason}); expected the certificate's own key"
    what = f"{key} cannot be read ({reason or error})"
    return f"{what}; expected the key of {where}; copy the key again"


def _fits_later(certificates: bytes, key: bytes) -> bool:
    """Return whether the key belongs to a certificate that is not the first."""
    for one in _BLOCK.finditer(certificates):
        try:
            load_pair(ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT), one[0] + b"\n", key)
        except OSError:
            continue
        return True
    return False


def _blocks(file: Path, kind: str) -> list[_Block]:
    """Return the blocks of a kind in a file, at least one. Raises BadPem."""
    try:
        content = read_file(file, MAX_BYTES)
    except (OSError, ValueError) as error:
        raise BadPem(_unreadable(file, kind, error)) from error
    found = [
        (label, _without_blanks(body) if end else None)
        for label, body, end in _BLOCK.findall(content)
        if label.endswith(kind.encode())
    ]
    if not found:
        raise BadPem(f"{file} contains no {kind.lower()}; {_expected(file, content, kind)}")
    return found


def _missing(kind: str) -> str:
    return f"missing; set it to the path of a PEM file that contains a {kind.lower()}"


def _unreadable(file: Path, kind: str, error: OSError | ValueError) -> str:
    if isinstance(error, OSError):
        expected = f"expected a readable PEM file that contains a {kind.lower()}"
        return f"{file}: {error.strerror}; {expected}"
    return f"{file} cannot be a PEM file that contains a {kind.lower()}: {error}"


def _expected(file: Path, content: bytes, kind: str) -> str:
    expected = f"expected PEM (-----BEGIN … {kind}-----)"
    if content.startswith(_UTF_16):
        return f"{expected}, but it is text in UTF-16; save it as UTF-8"
    if content.startswith(_DER):
        return f"{expected}, but it may be DER; {_conversion(file, kind)}"
    return expected


def _conversion(file: Path, kind: str, verb: str = "convert") -> str:
    command, then = _CONVERTERS[kind]
    return f"to {verb} it, run: {command} -in {file} -out NEW_FILE; then {then}"


def _without_blanks(text: bytes) -> bytes:
    return b"".join(text.split())


def _block(label: bytes, body: bytes) -> bytes:
    lines = [body[start : start + 64] for start in range(0, len(body), 64)]
    return b"\n".join((b"-----BEGIN %b-----" % label, *lines, b"-----END %b-----\n" % label))


@contextmanager
def _in_memory(content: bytes) -> Iterator[str]:
    """Yield the path of a file with this content that exists in memory only, for OpenSSL."""
    with os.fdopen(os.memfd_create("pem"), "wb") as file:
        file.write(content)
        file.flush()
        yield f"/proc/self/fd/{file.fileno()}"
