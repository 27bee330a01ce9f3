"""The copyright file of the package: copyright.head, and a paragraph on each wheel in it.

The form is https://www.debian.org/doc/packaging-manuals/copyright-format/1.0/.
"""

import json
import re
from collections.abc import Iterable, Iterator
from importlib.metadata import Distribution, distributions
from pathlib import Path

HEAD = Path(__file__).with_name("copyright.head")
#: The directory of the libraries in the package, for all Pythons.
LIBRARIES = "usr/lib/alleycat-gateway/lib/python3.*/site-packages"
OWN = "alleycat-gateway"

#: pyserial's wheel has no licence file; pyserial-asyncio-fast's states the same terms.
SAME_TERMS = {"pyserial": "pyserial-asyncio-fast"}
#: Wheels that have linked in what neither their licence files nor a bill of materials mention, with
#: all their licences. The notices are in copyright.<name>, from the source distribution.
LINKED = {"awscrt": "Apache-2.0 and ISC and MIT and BSD-2-Clause and BSD-3-Clause"}
APACHE = """\
On Debian systems, the text of the Apache License 2.0 is in
/usr/share/common-licenses/Apache-2.0."""

_LICENSE_FILE = re.compile(r"(?i)\.dist-info/(?:.*/)?(?:licen[cs]e|copying|notice|authors)[^/]*$")
_COPYRIGHT = re.compile(r"^\s*(?:Copyright|\(c\)|©)\s*(?:\(c\)|©)?\s*(\S.*\S)", re.IGNORECASE)
#: Lines of the licences themselves.
_TERMS = re.compile(
    r"(?i)copyright (?:notice|owner|holder|license|statement|law)|^\s*\(c\) you must"
)
_NATIVE = re.compile(r"\.cpython-.*\.so$")
_CLASSIFIER = "License :: OSI Approved :: "


def copyright_text(site_packages: Path, homepage: str) -> str:
    """Return the file for a package with these libraries."""
    found = {_name(one): one for one in distributions(path=[str(site_packages)])}
    found.pop(OWN, None)
    paragraphs = [HEAD.read_text(encoding="utf-8").replace("@HOMEPAGE@", homepage)]
    for name, one in sorted(found.items()):
        paragraphs.append(_paragraph(one, found[SAME_TERMS.get(name, name)]))
    return "\n".join(paragraphs)


def _name(library: Distribution) -> str:
    return re.sub(r"[-_.]+", "-", library.metadata["Name"]).lower()


def _paragraph(library: Distribution, terms: Distribution) -> str:
    """Return the paragraph on a library under the terms in the licence files of another."""
    texts = [*_license_texts(library), *_linked_texts(library)]
    holders = list(_holders(texts)) or list(_authors(library))
    license_text = "\n\n".join(map(_shortened, texts or list(_license_texts(terms)) or [APACHE]))
    lines = [
        *_field("Files", _files(library)),
        *_field("Copyright", holders),
        f"License: {_license(library)}",
        *_continued(license_text.splitlines()),
        "Comment:",
        *_continued([f"{_name(library)} {library.version}", *_components(library)]),
    ]
    return "\n".join(lines) + "\n"


def _field(name: str, values: list[str]) -> list[str]:
    assert values, f"{name} is unknown"
    return [f"{name}: {values[0]}", *_continued(values[1:])]


def _continued(lines: Iterable[str]) -> list[str]:
    return [f" {line.rstrip() or '.'}" for line in lines]


def _files(library: Distribution) -> list[str]:
    """Return patterns of the library's files, for every Python and architecture."""
    files = [file for file in library.files or [] if file.parts[0] not in ("..", "bin")]
    names = {f"{one.parts[0]}/*" if len(one.parts) > 1 else one.name for one in files}
    return [f"{LIBRARIES}/{_NATIVE.sub('.*.so', name)}" for name in sorted(names)]


def _license_texts(library: Distribution) -> Iterator[str]:
    for file in sorted(library.files or []):
        if _LICENSE_FILE.search(str(file)):
            yield file.read_text(encoding="utf-8").strip("\n")


def _linked_texts(library: Distribution) -> Iterator[str]:
    if _name(library) in LINKED:
        yield HEAD.with_name(f"copyright.{_name(library)}").read_text(encoding="utf-8").strip("\n")


def _shortened(text: str) -> str:
    """Return a licence's text, or where Debian has it."""
    return APACHE if "TERMS AND CONDITIONS FOR USE, REPRODUCTION" in text else text


def _holders(texts: Iterable[str]) -> Iterator[str]:
    """Yield years and holder of each copyright in the licence files."""
    seen = set()
    for line in "\n".join(texts).splitlines():
        found = _COPYRIGHT.search(line)
        if found and not _TERMS.search(line) and "[yyyy]" not in line and found[1] not in seen:
            seen.add(found[1])
            yield found[1]


def _authors(library: Distribution) -> Iterator[str]:
    for key in ("Author", "Author-email"):
        value = library.metadata[key]
        if value and value != "None":
            yield value


def _license(library: Distribution) -> str:
    """Return the licence in a few words: an SPDX expression if the wheel has one."""
    if _name(library) in LINKED:
        return LINKED[_name(library)]
    metadata = library.metadata
    classifiers = metadata.get_all("Classifier") or []
    named = [one.removeprefix(_CLASSIFIER) for one in classifiers if one.startswith(_CLASSIFIER)]
    words = metadata["License-Expression"] or ", ".join(named) or str(metadata["License"])
    if "Permission is hereby granted, free of charge" in words:  # the whole text
        return "MIT"
    return words.replace("Apache Software License", "Apache-2.0").removesuffix(" License")


def _components(library: Distribution) -> Iterator[str]:
    """Yield a line for each component that was linked in, by the wheel's bill of materials."""
    for file in sorted(library.files or []):
        if ".dist-info/sboms/" not in str(file):
            continue
        bill = json.loads(file.read_text(encoding="utf-8"))
        for one in bill.get("components", []):
            licenses = [entry.get("expression") or "" for entry in one.get("licenses", [])]
            facts = [one.get("author") or "", *licenses]
            yield ", ".join(filter(None, [f"contains {one['name']} {one['version']}", *facts]))
