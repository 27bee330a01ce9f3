"""SVG that any viewer reads."""

from xml.etree import ElementTree

from gateway.calibrating.view.svg import circle, document, line, polyline, text

SVG = "{http://www.w3.org/2000/svg}"


def test_a_document_is_well_formed_and_says_what_it_is() -> None:
    shapes = [
        text(1, 2, "5 < 6 & so on", "ink bold"),
        line(0, 0, 1, 1, dashed=True),
        polyline([(0, 0), (1.25, 2)], "new"),
        circle(3, 4, 5, "up"),
    ]
    root = ElementTree.fromstring(document(80, 60, "<a> curve", ".ink{fill:#000}", shapes))
    assert root.attrib["viewBox"] == "0 0 80 60"
    assert root.findtext(f"{SVG}title") == "<a> curve"
    assert ".ink{fill:#000}" in (root.findtext(f"{SVG}style") or "")
    assert root.findtext(f"{SVG}text") == "5 < 6 & so on"
    found = root.find(f"{SVG}polyline")
    assert found is not None
    assert found.attrib == {"points": "0.0,0.0 1.2,2.0", "class": "new"}
