"""The entry point: Ctrl-C while it imports the command, and after that."""

import signal
import subprocess
import sys

INTERRUPTED_IMPORT = """
import os, signal, sys

class CtrlC:
    def find_spec(self, name, *_):
        if name == "gateway.cli.app":
            os.kill(os.getpid(), signal.SIGINT)

sys.meta_path.insert(0, CtrlC())
from gateway.__main__ import main
main()
"""


def test_ctrl_c_during_the_imports_ends_the_command_without_a_traceback() -> None:
    ended = subprocess.run(
        [sys.executable, "-c", INTERRUPTED_IMPORT], check=False, capture_output=True, text=True
    )
    assert (ended.returncode, ended.stderr) == (-signal.SIGINT, "")


def test_ctrl_c_is_handled_again_once_the_command_runs() -> None:
    program = (
        "import signal, gateway.cli.app as app; from gateway.__main__ import main;"
        "app.main = lambda: print(signal.getsignal(signal.SIGINT)); main()"
    )
    ended = subprocess.run([sys.executable, "-c", program], check=True, capture_output=True)
    assert b"default_int_handler" in ended.stdout
