"""The dates of the certificates in use, and what they mean at a moment. Pure."""

from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from typing import Annotated

from pydantic import Field

from gateway.config.validity import Validity, validities

SECONDS_PER_DAY = 86_400
#: Days before the expiry from which on it is reported: first as a warning, then as a problem.
SOON_DAYS, URGENT_DAYS = 30, 7

REMEDIES = {
    "certificate_file": "get a new certificate for this thing, and save it at the path in "
    "cloud.certificate_file",
    "ca_file": "for AWS, remove cloud.ca_file: this computer knows Amazon's CAs; for another "
    "broker, get its CA's current certificate, and save it at the path in cloud.ca_file",
}


@dataclass(frozen=True, slots=True)
class CertificateStatus:
    """The dates of one certificate file."""

    key: Annotated[str, Field(description="key in [cloud]: certificate_file or ca_file")]
    valid_from: Annotated[datetime, Field(description="first moment of its validity")]
    valid_until: Annotated[datetime, Field(description="last moment of its validity")]
    days_left: Annotated[
        float | None,
        Field(
            description="days until it expires, negative once it has; null while the clock is not "
            "set"
        ),
    ]
    is_early: Annotated[
        bool, Field(description="whether the clock is before the first moment of its validity")
    ] = False

    @property
    def expires_soon(self) -> bool:
        return self.days_left is not None and self.days_left < SOON_DAYS

    @property
    def is_expired(self) -> bool:
        return self.days_left is not None and self.days_left <= 0

    @property
    def problem(self) -> str | None:
        """What prevents a connection now, or will within days; None if nothing does."""
        if self.is_early:
            return f"cloud.{self.key} is not valid before {self.valid_from:%Y-%m-%d %H:%M} UTC"
        if self.days_left is None or self.days_left >= URGENT_DAYS:
            return None
        return f"cloud.{self.key} {self.expiry}"

    @property
    def remedy(self) -> str:
        """What to do about the problem."""
        return "check the clock with `timedatectl`" if self.is_early else REMEDIES[self.key]

    @property
    def expiry(self) -> str:
        """The end of the validity in words, for a clock that is set."""
        assert self.days_left is not None
        date = f"{self.valid_until:%Y-%m-%d}"
        if self.is_expired:
            return f"expired on {date}"
        days = int(self.days_left)
        left = "less than a day" if not days else "1 day" if days == 1 else f"{days} days"
        return f"expires in {left}, on {date}"


def certificate_status(
    key: str, pem: bytes, now: datetime, *, clock_is_set: bool
) -> CertificateStatus:
    """Return the dates of a file with this content. Raises ValueError.

    A clock that is not set may be far behind, so it cannot show that a certificate has expired. If
    it is earlier than the start of a certificate's validity, the clock or the certificate is wrong.
    """
    one = _validity(key, pem)
    days_left = (
        round((one.end - now).total_seconds() / SECONDS_PER_DAY, 3) if clock_is_set else None
    )
    return CertificateStatus(key, one.begin, one.end, days_left, now < one.begin)


# A status is made several times a second, and Debian's file with all public CAs takes some 50 ms.
@lru_cache(maxsize=4)
def _validity(key: str, pem: bytes) -> Validity:
    """Return the dates that count in a file with this content. Raises ValueError."""
    found = validities(pem)
    # The first certificate is the gateway's own. Of several CAs, one that is valid is enough.
    return max(found, key=lambda validity: validity.end) if key == "ca_file" else found[0]
