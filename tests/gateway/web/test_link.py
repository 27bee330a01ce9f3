"""The links of the pages."""

import pytest

from gateway.config.schema import WebConfig
from gateway.web.link import links, qr_code


@pytest.mark.parametrize(
    ("place", "expected"),
    [
        (WebConfig(port=8080, listen="192.168.1.7"), ["http://192.168.1.7:8080/#token=abc"]),
        (WebConfig(port=8080, listen="fd00::7"), ["http://[fd00::7]:8080/#token=abc"]),
        (WebConfig(port=8080, names=("gym.example",)), ["https://gym.example/#token=abc"]),
    ],
)
def test_token_is_in_the_fragment_which_no_browser_sends(
    place: WebConfig, expected: list[str]
) -> None:
    assert links(place, "abc") == expected


def test_gateway_that_only_this_computer_reaches_has_a_plain_link() -> None:
    assert links(WebConfig(port=8080), "") == ["http://127.0.0.1:8080/"]


def test_gateway_at_all_addresses_has_links_with_its_own() -> None:
    *addresses, name = links(WebConfig(port=8080, listen="0.0.0.0"), "abc")
    assert name.endswith(".local:8080/#token=abc")
    assert all("0.0.0.0" not in address for address in addresses)


@pytest.mark.parametrize("listen", ["0.0.0.0", "192.168.1.7"])
def test_published_name_is_a_link_after_the_address(listen: str) -> None:
    place = WebConfig(port=8080, listen=listen, mdns=True)
    *addresses, name = links(place, "abc", "alleycat-gateway-1.local")
    assert name == "http://alleycat-gateway-1.local:8080/#token=abc"
    assert addresses == links(place, "abc")[: len(addresses)]
    assert all(".local" not in address for address in addresses)


def test_qr_code_is_a_square_of_half_blocks() -> None:
    lines = qr_code("http://192.168.1.7:8080/#token=abc").splitlines()
    assert len({len(line) for line in lines}) == 1
    assert set("".join(lines)) <= set("█▀▄ ")
    assert 2 * len(lines) - 1 <= len(lines[0]) <= 2 * len(lines)
