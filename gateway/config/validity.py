"""The dates of a certificate, read without a library: `cryptography` would take 10 MB of memory.

DER: X.690; the fields of a certificate: RFC 5280, 4.1.
"""

import base64
import binascii
import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime

_PEM = re.compile(
    rb"-----BEGIN (?:X509 |TRUSTED )?CERTIFICATE-----(.*?)-----END (?:X509 |TRUSTED )?CERTIFICATE",
    re.DOTALL,
)
#: Tags of DER.
_VERSION, _UTC_TIME, _GENERALIZED_TIME = 0xA0, 0x17, 0x18
#: UTCTime has two digits of the year: from this number on, they mean 19xx.
_CENTURY_BEGINS = 50


@dataclass(frozen=True, slots=True)
class Validity:
    """The time within which a certificate is valid."""

    begin: datetime
    end: datetime


def validities(pem: bytes) -> list[Validity]:
    """Return the dates of each certificate in a PEM file. Raises ValueError if one is damaged."""
    found = [_validity(base64.b64decode(body)) for body in _PEM.findall(pem)]
    if not found:
        raise ValueError("no certificate found; expected PEM (-----BEGIN CERTIFICATE-----)")
    return found


def _validity(der: bytes) -> Validity:
    try:
        certificate = next(_values(der))[1]
        fields = list(_values(next(_values(certificate))[1]))
        # (version), serial number, signature algorithm, issuer, validity
        place = 4 if fields[0][0] == _VERSION else 3
        begin, end = (_time(tag, text) for tag, text in _values(fields[place][1]))
        return Validity(begin, end)
    except (StopIteration, RuntimeError, IndexError, ValueError, binascii.Error) as error:
        raise ValueError("damaged certificate: its dates cannot be read") from error


def _values(der: bytes) -> Iterator[tuple[int, bytes]]:
    """Yield tag and content of the values that follow each other."""
    while der:
        tag, size, start = der[0], der[1], 2
        if size & 0x80:  # the long form: the number of bytes that contain the length
            start += size & 0x7F
            size = int.from_bytes(der[2:start])
        if len(der) < start + size:
            raise ValueError("truncated")
        yield tag, der[start : start + size]
        der = der[start + size :]


def _time(tag: int, text: bytes) -> datetime:
    digits = text.decode("ascii")
    if tag == _UTC_TIME:
        digits = ("19" if int(digits[:2]) >= _CENTURY_BEGINS else "20") + digits
    elif tag != _GENERALIZED_TIME:
        raise ValueError("not a time")
    return datetime.strptime(digits, "%Y%m%d%H%M%SZ").replace(tzinfo=UTC)
