"""The module of the pages that follows the stream, in Node."""

import shutil
import subprocess
from pathlib import Path

import pytest

from gateway.web.pages import STATIC

TEST = Path(__file__).with_name("static") / "stream.test.mjs"


@pytest.mark.skipif(shutil.which("node") is None, reason="needs Node")
def test_page_notices_silence_and_comes_back(tmp_path: Path) -> None:
    shutil.copy(TEST, tmp_path)
    shutil.copy(STATIC / "stream.js", tmp_path / "stream.mjs")
    ended = subprocess.run(
        ["node", "--test", TEST.name], cwd=tmp_path, check=False, capture_output=True, text=True
    )
    assert ended.returncode == 0, ended.stdout + ended.stderr
