"""The documents of the package: all pages, with the files that they link to, and a changelog."""

import gzip
import re
import shutil
from datetime import UTC, datetime
from email.utils import format_datetime
from pathlib import Path

from docs.build_site import ROOT, linked_files, pages

MAINTAINER = re.compile(r"(?m)^maintainer: (.*)$")
RECIPE = ROOT / "systemd/package/nfpm.yaml"
#: Debian has the text of the licence in one place for all packages; relative to /usr/share/doc/….
LICENSE = Path("../../common-licenses/Apache-2.0")

#: The form is described in deb-changelog(5).
CHANGELOG = """\
alleycat-gateway ({version}) stable; urgency=medium

  * CHANGELOG.md in this directory lists the changes.

 -- {maintainer}  {date}
"""


def write_documents(directory: Path, version: str, epoch: int) -> None:
    """Write the documents below `directory`, under the paths that they have in the repository."""
    for file in {*pages(), *linked_files()}:
        copy = directory / file.relative_to(ROOT)
        copy.parent.mkdir(parents=True, exist_ok=True)
        if file == ROOT / "LICENSE":
            copy.symlink_to(LICENSE)
        else:
            shutil.copyfile(file, copy)
    [maintainer] = MAINTAINER.findall(RECIPE.read_text(encoding="utf-8"))
    date = format_datetime(datetime.fromtimestamp(epoch, UTC))
    changelog = CHANGELOG.format(version=version, maintainer=maintainer, date=date)
    write_compressed(directory / "changelog.gz", changelog)


def write_compressed(file: Path, text: str) -> None:
    """Write text as gzip, without a time, so that the same text always gives the same file."""
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_bytes(gzip.compress(text.encode("utf-8"), mtime=0))
