"""Build the documentation site from the Markdown files of this repository.

    python -m docs.build_site

`make docs` runs it. The pages link to each other, and to files such as config/gateway.toml, as they
do in the repository. MkDocs only knows the files below one folder, so the pages and all files that
they link to are copied into build/pages first, under the same paths. A dead link fails the build.
"""

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parents[1]
STAGE = ROOT / "build" / "pages"

_CODE = re.compile(r"(?ms)^ *```.*?^ *```|`[^`\n]*`")
_LINK = re.compile(r"\]\(([^)\s]+)\)")


def main() -> int:
    """Copy the pages, build the site into build/site and return the exit code of MkDocs."""
    shutil.rmtree(STAGE, ignore_errors=True)
    for file in (*pages(), *linked_files()):
        copy = STAGE / file.relative_to(ROOT)
        copy.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(file, copy)
    command = [sys.executable, "-m", "mkdocs", "build", "--strict"]
    # Without the theme's advertisement of its successor.
    environment = {**os.environ, "NO_MKDOCS_2_WARNING": "1"}
    return subprocess.run(command, check=False, cwd=ROOT, env=environment).returncode


def pages() -> list[Path]:
    """Return the Markdown files of the site."""
    return [*sorted(ROOT.glob("*.md")), *sorted((ROOT / "docs").rglob("*.md"))]


def linked_files() -> Iterator[Path]:
    """Yield the other files of the repository that the pages link to."""
    for page in pages():
        for link in links(page):
            file = target(page, link)
            if file is not None and file.suffix != ".md" and file.is_file():
                yield file


def links(page: Path) -> Iterator[str]:
    """Yield the destination of each link and picture on a page."""
    text = _CODE.sub("", page.read_text(encoding="utf-8"))
    yield from _LINK.findall(text)


def target(page: Path, link: str) -> Path | None:
    """Return the file that a link leads to, or None if it leads out of the repository."""
    path = link.partition("#")[0]
    if re.match(r"[a-z]+:", link):
        return None
    return (page.parent / path).resolve() if path else page


if __name__ == "__main__":
    sys.exit(main())
