"""A bug report as one file: what `check` and `status` report, the log, and the config."""

import json
import re
import tomllib
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from aiohttp import web

from gateway.host.atomic_file import read_file
from gateway.web.connections import endless
from gateway.web.hub import Hub
from gateway.web.owner.checker import Checker
from gateway.web.snapshots import NO_STORE, Snapshots
from gateway.web.token import TokenFile

LEFT_OUT = "(left out)"
#: The names of options that may be secret. Those of files are paths, and stay.
_SECRET_NAME = re.compile(
    r"pass|secret|token|credential|(^|_)((api|bind)?_?key|pin|auth|psk|pwd)($|_)", re.IGNORECASE
)
_PEM = re.compile(r"-----BEGIN [^-]*-----.*?(-----END [^-]*-----|$)", re.DOTALL)
#: In a URL up to the last "@": a password that is not quoted may contain "/" and "@".
_PASSWORD_OF_HOST = re.compile(r"(?<=://)[^\s'\"]+(?=@)|[^\s/@'\"]+:[^\s/@'\"]+(?=@)")
#: Shorter secrets are not looked for in other texts: they may occur there by chance.
SECRET_MIN = 4
CONFIG_MAX_BYTES = 1024 * 1024


def without_secrets(report: dict[str, Any], more_secrets: Iterable[str]) -> dict[str, Any]:
    """Return a report without keys, and without the values of secret options, wherever they occur.

    `more_secrets`: texts that must not occur either.
    """
    secrets = {*_secret_values(report), *more_secrets}
    known = sorted((one for one in secrets if len(one) >= SECRET_MIN), key=len, reverse=True)
    cleaned: dict[str, Any] = _cleaned(report, known)
    return cleaned


def _is_secret(name: str) -> bool:
    return not name.endswith("_file") and bool(_SECRET_NAME.search(name))


def _secret_values(part: object, is_secret: bool = False) -> Iterator[str]:
    """Yield the values below secret names. Those below other names are no secrets."""
    if isinstance(part, dict):
        for name, value in part.items():
            yield from _secret_values(value, is_secret or _is_secret(name))
    elif isinstance(part, list):
        for value in part:
            yield from _secret_values(value, is_secret)
    elif is_secret and isinstance(part, str | int) and not isinstance(part, bool):
        yield str(part)


def _cleaned(part: Any, secrets: list[str]) -> Any:
    if isinstance(part, dict):
        return {
            name: LEFT_OUT if value and _is_secret(name) else _cleaned(value, secrets)
            for name, value in part.items()
        }
    if isinstance(part, list):
        return [_cleaned(one, secrets) for one in part]
    if isinstance(part, str):
        for secret in secrets:
            part = part.replace(secret, LEFT_OUT)
        return _PASSWORD_OF_HOST.sub(LEFT_OUT, _PEM.sub(LEFT_OUT, part))
    return part


def _config(file: Path) -> object:
    """Return the tables of a file, also of one that the gateway cannot use; or what is wrong."""
    try:
        return tomllib.loads(read_file(file, CONFIG_MAX_BYTES).decode())
    except (OSError, ValueError) as error:
        return str(error)


def routes(
    checker: Checker, snapshots: Snapshots, hub: Hub, file: Path, token: TokenFile | None
) -> list[web.RouteDef]:
    """Return the route of the report of a gateway with this config file and token."""

    @endless  # a check takes longer than other answers, and has a limit of its own
    async def report(_: web.Request) -> web.Response:
        found = {
            "made_at": datetime.now(UTC).isoformat(timespec="seconds"),
            "check": await checker.report(),
            "status": json.loads((await snapshots.latest()).json),
            "log": json.loads(hub.log.as_json()),
            "config": _config(file),
        }
        secrets = [] if token is None else [token.token_or_nothing()]
        body = json.dumps(
            without_secrets(found, secrets), indent=2, ensure_ascii=False, default=str
        )
        name = f"alleycat-report-{datetime.now(UTC):%Y-%m-%d-%H%M%S}.json"
        return web.Response(
            text=f"{body}\n",
            content_type="application/json",
            headers={**NO_STORE, "Content-Disposition": f'attachment; filename="{name}"'},
        )

    return [web.get("/report", report)]
