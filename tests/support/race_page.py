"""A command that shows a race on a page, in a process of its own."""

import re
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager

from tests.support.children import killed_at_end
from tests.support.gateway_process import COMMAND

ADDRESS = re.compile(r"Watch it in a browser: (http://127\.0\.0\.1:\d+/demo)")


@contextmanager
def race_page(*words: str) -> Iterator[tuple[subprocess.Popen[str], str]]:
    """Run `demo` or `fleet --page` with these words; yield its process and its page's address."""
    process = subprocess.Popen(
        [*COMMAND, *words], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    )
    with killed_at_end(process):
        assert process.stdout is not None
        address = None
        while address is None:
            line = process.stdout.readline()
            assert line, "the race ended by itself"
            address = ADDRESS.search(line)
        yield process, address[1]
