"""Who may use the pages, over a real socket: what a browser, a program and a stranger can do."""

import socket
from pathlib import Path
from typing import Any

import pytest
from aiohttp import ClientPayloadError, ClientSession, CookieJar

from gateway.web.enter import COOKIE, cookie_name
from gateway.web.token import TokenFile
from tests.support.web_pages import ask_raw, serving

#: A gateway with this name may be reached from outside, so it asks for the token.
OUTSIDE: dict[str, Any] = {"names": ("gym.example.com",)}
HTML = {"Accept": "text/html"}


@pytest.mark.parametrize(
    "host", ["127.0.0.1", "localhost:8080", "[::1]:80", "192.168.1.7", socket.gethostname()]
)
async def test_addresses_and_names_of_this_computer_are_known(tmp_path: Path, host: str) -> None:
    async with (
        serving(tmp_path) as pages,
        pages.session.get(pages.url, headers={"Host": host}) as answer,
    ):
        assert answer.status == 200


@pytest.mark.parametrize("host", ["evil.example", "127.0.0.1.evil.example", "", "evil@127.0.0.1."])
async def test_other_names_are_refused_as_in_dns_rebinding(tmp_path: Path, host: str) -> None:
    async with (
        serving(tmp_path) as pages,
        pages.session.get(pages.url, headers={"Host": host}) as answer,
    ):
        assert answer.status == 421


async def test_only_own_scripts_run_and_no_frame_shows_a_page(tmp_path: Path) -> None:
    async with serving(tmp_path) as pages:
        for path in ("/", "/static/stream.js", "/missing", "/status.json", "/events?page=rider"):
            async with pages.session.get(f"{pages.url}{path}") as answer:
                policy = answer.headers["Content-Security-Policy"]
                assert "default-src 'none'" in policy
                assert "script-src 'self'" in policy
                assert "frame-ancestors 'none'" in policy
                assert "unsafe" not in policy
                assert answer.headers["X-Content-Type-Options"] == "nosniff"


@pytest.mark.parametrize("origin", ["http://evil.example", "null", "http://127.0.0.1:1"])
async def test_requests_of_other_sites_are_refused(tmp_path: Path, origin: str) -> None:
    async with serving(tmp_path) as pages:
        assert (await pages.post("/ride", {}, Origin=origin)).status == 403
        async with pages.session.get(
            f"{pages.url}/events?page=rider", headers={"Origin": origin}
        ) as answer:
            assert answer.status == 403


@pytest.mark.parametrize("site", ["cross-site", "same-site"])
async def test_other_sites_cannot_make_a_browser_ask_but_may_link_to_a_page(
    tmp_path: Path, site: str
) -> None:
    async def status(path: str, site: str, mode: str) -> int:
        headers = {"Sec-Fetch-Site": site, "Sec-Fetch-Mode": mode}
        async with pages.session.get(f"{pages.url}{path}", headers=headers) as answer:
            return answer.status

    async with serving(tmp_path) as pages:
        for path in ("/report", "/status.json", "/calibrate/bike-1/state.json"):
            assert await status(path, site, "no-cors") == 403
            assert await status(path, site, "navigate") == 403
        assert await status("/", site, "no-cors") == 403
        for path in ("/", "/gateway", "/calibrate/bike-1"):
            assert await status(path, site, "navigate") == 200
        assert await status("/status.json", "same-origin", "cors") == 200
        assert await status("/status.json", "none", "navigate") == 200


async def test_post_without_an_origin_is_refused(tmp_path: Path) -> None:
    async with (
        serving(tmp_path) as pages,
        pages.session.post(f"{pages.url}/ride", json={}) as answer,
    ):
        assert answer.status == 403


async def test_form_of_another_site_cannot_be_posted(tmp_path: Path) -> None:
    async with serving(tmp_path) as pages:
        form = {"Content-Type": "application/x-www-form-urlencoded"}
        assert (await pages.post("/ride", {}, **form)).status == 415


async def test_body_that_is_too_long_is_refused(tmp_path: Path) -> None:
    async with serving(tmp_path) as pages:
        assert (await pages.post("/ride", b"x" * 20_000)).status == 413


async def test_gateway_reached_from_outside_asks_for_the_token(tmp_path: Path) -> None:
    async with serving(tmp_path, **OUTSIDE) as pages:
        for path in ("/", "/gateway", "/events?page=rider", "/status.json", "/metrics", "/tail"):
            async with pages.session.get(f"{pages.url}{path}") as answer:
                assert answer.status == 401
        assert (await pages.post("/ride", {})).status == 401
        async with pages.session.get(f"{pages.url}/calibrate/x", headers=HTML) as answer:
            assert answer.status == 401
            assert '<base href="../">' in await answer.text()
        async with pages.session.get(f"{pages.url}/static/style.css") as answer:
            assert answer.status == 200


async def test_right_token_is_exchanged_for_a_cookie_that_does_not_contain_it(
    tmp_path: Path,
) -> None:
    async with serving(tmp_path, **OUTSIDE) as pages:
        token = TokenFile(tmp_path).token()
        answer = await pages.post("/enter", {"token": token})
        assert answer.status == 204
        (cookie,) = answer.cookies.values()
        assert (cookie["httponly"], cookie["samesite"], cookie["path"]) == (True, "Lax", "")
        assert token not in cookie.value
        jar = {"Cookie": f"{cookie.key}={cookie.value}"}
        async with ClientSession() as browser, browser.get(pages.url, headers=jar) as page:
            assert page.status == 200


async def test_gateways_at_two_ports_of_one_host_keep_a_cookie_each(tmp_path: Path) -> None:
    """A browser keeps the cookies of a host together, whatever the port."""
    one, other = tmp_path / "one", tmp_path / "other"
    one.mkdir()
    other.mkdir()
    async with (
        serving(one, **OUTSIDE) as first,
        serving(other, **OUTSIDE) as second,
        ClientSession(cookie_jar=CookieJar(unsafe=True)) as browser,
    ):
        for state_dir, pages in ((one, first), (other, second)):
            given = {"token": TokenFile(state_dir).token()}
            from_page = {"Origin": pages.url}
            async with browser.post(f"{pages.url}/enter", json=given, headers=from_page) as entered:
                assert entered.status == 204
        for pages in (first, second):
            async with browser.get(pages.url) as page:
                assert page.status == 200


@pytest.mark.parametrize(
    ("host", "name"),
    [
        ("gateway.local:8080", "alleycat_gateway_8080"),
        ("[::1]:8081", "alleycat_gateway_8081"),
        ("gym.example.com", "alleycat_gateway"),
        ("[::1]", "alleycat_gateway"),
        ("localhost:\xb2; Path=/", "alleycat_gateway"),
    ],
)
def test_name_of_the_cookie_has_the_port_that_the_browser_has_used(host: str, name: str) -> None:
    assert cookie_name(host) == name


async def test_program_sends_the_token_as_a_bearer(tmp_path: Path) -> None:
    async with serving(tmp_path, **OUTSIDE) as pages:
        bearer = {"Authorization": f"Bearer {TokenFile(tmp_path).token()}"}
        async with pages.session.get(f"{pages.url}/metrics", headers=bearer) as answer:
            assert answer.status == 200


async def test_header_of_any_bytes_is_no_token(tmp_path: Path) -> None:
    async with serving(tmp_path, **OUTSIDE) as pages:
        for header in (b"Authorization: Bearer \xff", b"Cookie: %b=\xff" % COOKIE.encode()):
            asked = b"GET / HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n%b\r\n\r\n"
            assert (await ask_raw(pages.port, asked % header)).startswith("HTTP/1.1 401")


async def test_cookie_is_only_sent_encrypted_once_it_was_set_so(tmp_path: Path) -> None:
    async with serving(tmp_path, **OUTSIDE) as pages:
        given = {"token": TokenFile(tmp_path).token()}
        plain = await pages.post("/enter", given)
        secure = await pages.post("/enter", given, Origin=pages.url.replace("http:", "https:"))
    (plain_cookie,), (secure_cookie,) = plain.cookies.values(), secure.cookies.values()
    assert not plain_cookie["secure"]
    assert secure_cookie["secure"]


@pytest.mark.parametrize(
    "body",
    [
        {"token": "wrong"},
        {"token": ""},
        {"token": "é"},
        {"token": "\ud800"},
        {"token": None},
        [],
        "x",
        b"{",
        b"[" * 16_000,
    ],
)
async def test_wrong_token_gets_no_cookie(tmp_path: Path, body: object) -> None:
    async with serving(tmp_path, **OUTSIDE) as pages:
        answer = await pages.post("/enter", body)
        assert (answer.status, answer.cookies) == (403, {})


async def test_rotated_token_locks_out_old_links_and_cookies_at_once(tmp_path: Path) -> None:
    async with serving(tmp_path, **OUTSIDE) as pages:
        old = TokenFile(tmp_path).token()
        (cookie,) = (await pages.post("/enter", {"token": old})).cookies.values()
        jar = {"Cookie": f"{cookie.key}={cookie.value}"}
        async with pages.session.get(pages.url, headers=jar) as before:
            assert before.status == 200
        TokenFile(tmp_path).rotate()
        assert (await pages.post("/enter", {"token": old})).status == 403
        async with pages.session.get(pages.url, headers=jar) as after:
            assert after.status == 401


async def test_rotated_token_ends_open_streams(tmp_path: Path) -> None:
    async with serving(tmp_path, **OUTSIDE) as pages:
        bearer = {"Authorization": f"Bearer {TokenFile(tmp_path).token()}"}
        async with pages.session.get(f"{pages.url}/events?page=gateway", headers=bearer) as stream:
            TokenFile(tmp_path).rotate()
            await pages.virtual.run_for(3)
            with pytest.raises(ClientPayloadError):
                await stream.content.read()


async def test_token_is_in_no_log(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    async with serving(tmp_path, **OUTSIDE) as pages:
        token = TokenFile(tmp_path).token()
        await pages.post("/enter", {"token": token})
        async with pages.session.get(f"{pages.url}/?token={token}") as answer:
            await answer.read()
    written = capsys.readouterr()
    assert token not in written.out + written.err
