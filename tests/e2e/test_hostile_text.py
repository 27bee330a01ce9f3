"""Every verb, in a terminal and in a pipe, among devices and files named by a stranger."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import pytest
import typer

from gateway.buffer.store import Record
from gateway.cli.app import app
from gateway.config.toml import toml_value
from gateway.sampling.calibration_record import record_to_json
from gateway.sampling.calibration_store import CalibrationStore
from gateway.status.client import FILE_NAME, NoStatusError, ask_status
from tests.support.buffer_files import fill_buffer
from tests.support.calibrations import record
from tests.support.children import killed_at_end
from tests.support.gateway_process import COMMAND, START_TIMEOUT_S
from tests.support.hostile import HOSTILE, MARK, complaint, without_styles
from tests.support.mosquitto import free_port
from tests.support.plugins import register_plugin
from tests.support.telemetry import message
from tests.support.terminal import Terminal

pytestmark = pytest.mark.xdist_group("hostile")

#: How long a command runs that does not end by itself, in seconds.
PATIENCE_S = 8.0
#: Time limit of all others, in seconds.
END_S = 60.0

#: A bike, or a plugin, whose every text is a stranger's. Its wheel turns with `rides = true`.
DRIVER = f"""
import asyncio
from contextlib import asynccontextmanager
from drivers import BikeLost, DriverOptions, FrameSource, Reading, ignore_frame
from drivers.discovery import FoundBike
HOSTILE = {HOSTILE!r}

class HostileOptions(DriverOptions):
    name: str = ""
    rides: bool = False

class HostileBike(FrameSource):
    Options = HostileOptions
    stale_after_s = 3.0

    def __init__(self, options, clock):
        self._options, self._clock = options, clock

    @property
    def waits_because(self):
        return HOSTILE

    @classmethod
    async def discover(cls, seconds):
        yield FoundBike(HOSTILE, HOSTILE, HOSTILE, {{"name": HOSTILE}}, -60)
        yield FoundBike(HOSTILE, HOSTILE, HOSTILE, {{"name": HOSTILE}}, is_companion=True)
        raise ValueError(HOSTILE)

    @asynccontextmanager
    async def open_bike(self, on_frame=ignore_frame):
        if not self._options.rides:
            raise BikeLost(HOSTILE)
        async def readings():
            for _ in range(20):
                yield Reading(self._clock.monotonic_ns(), cadence_rpm=80, source=HOSTILE)
                await asyncio.sleep(0.1)
            raise ValueError(HOSTILE)
        yield readings()
"""


@dataclass(frozen=True, slots=True)
class Case:
    """A command line. `shows`: whether a hostile text is in its output."""

    arguments: str
    shows: bool = True
    #: Lines to type; in a pipe, they are its input.
    typed: str = ""
    #: Whether a pipe gets bytes exactly as they are in a file or message.
    is_exact: bool = False
    #: Whether it runs until Ctrl-C.
    is_endless: bool = False

    @property
    def patience_s(self) -> float:
        return END_S if self.shows and not self.is_endless else PATIENCE_S


#: For each verb, command lines in which {{dir}} is the directory of the Rig.
CASES = {
    "setup": [Case("--config {dir}/new.toml --seconds 1", typed="\n" * 30, is_endless=True)],
    "check": [Case("--config {dir}/gateway.toml"), Case("--config {dir}/gateway.toml --json")],
    "run": [
        Case("--config {dir}/other.toml", is_endless=True),
        Case("--config {dir}/other.toml --log-json", is_endless=True),
        Case("--config {dir}/bad.toml"),
    ],
    "status": [
        Case("--config {dir}/gateway.toml"),
        Case("--config {dir}/gateway.toml --watch", shows=False),  # in a pipe, without names
        Case("--config {dir}/gateway.toml --json"),
    ],
    "tail": [
        Case("--config {dir}/gateway.toml --seconds 3"),
        Case("--config {dir}/gateway.toml --seconds 3 --json", is_exact=True),
    ],
    "web": [Case("--config {dir}/gateway.toml", shows=False)],
    "demo": [Case("--bikes 1 --race 10 --outage 0", shows=False)],
    "fleet": [Case("--racers 1 --race 10 --config {dir}/bad.toml --yes")],
    "scan": [Case("--seconds 1"), Case("--seconds 1 --json")],
    "watch": [
        Case("bike-1 --config {dir}/gateway.toml --seconds 2"),
        Case("hostile --seconds 2"),
        Case("hostile --option rides=true --seconds 4 --json"),
    ],
    "capture": [Case("hostile {dir}/new.jsonl --seconds 2")],
    "replay": [
        Case("{dir}/hostile.jsonl --json", shows=False),
        Case("{dir}/broken.jsonl", shows=False),
    ],
    "decode": [Case("--guess {dir}/hostile.jsonl"), Case("ftms zz{name}")],
    "schema": [Case("{name}", shows=False)],
    "provision": [Case("--thing-name {name} --endpoint {name}", shows=False)],
    "redrive": [Case("{name}", shows=False)],
    "calibrate resistance": [
        Case("bike-1 --config {dir}/other.toml --answers {dir}/answers"),
        Case("bike-1 --config {dir}/other.toml", shows=False),
    ],
    "calibrate cadence": [Case("bike-1 --config {dir}/other.toml", shows=False)],
    "calibrate power": [Case("bike-1 --config {dir}/other.toml", shows=False)],
    "calibrate verify": [Case("bike-1 --config {dir}/other.toml", shows=False)],
    "calibrate plateaus": [Case("{dir}/hostile.jsonl", shows=False)],
    "calibrate show": [
        Case("bike-1 --config {dir}/other.toml"),
        Case("bike-1 --config {dir}/other.toml --json"),
    ],
    "calibrate export": [Case("bike-1 --config {dir}/other.toml")],
    "calibrate import": [Case("bike-1 {dir}/calibration.json --config {dir}/other.toml --yes")],
    "calibrate rollback": [Case("bike-1 9 --config {dir}/other.toml --yes", shows=False)],
    "calibrate reset": [Case("bike-2 --config {dir}/other.toml --yes", shows=False)],
    "ride choose": [
        Case("bike-1 99 --config {dir}/gateway.toml"),
        Case("bike-1 1 --config {dir}/gateway.toml --json"),
    ],
    "ride join": [
        Case("bike-1 --config {dir}/gateway.toml"),
        Case("{name} --config {dir}/gateway.toml"),
    ],
    "ride leave": [Case("bike-1 --config {dir}/gateway.toml --json")],
    "config check": [Case("{dir}/bad.toml"), Case("{dir}/gateway.toml", shows=False)],
    "buffer ls": [Case("--state-dir {dir}/kept"), Case("--state-dir {dir}/kept --json")],
    "buffer verify": [Case("--state-dir {dir}/kept", shows=False)],
    "buffer export": [Case("1 --state-dir {dir}/kept", is_exact=True)],
    "buffer quarantine": [
        Case("--state-dir {dir}/kept"),
        Case("--state-dir {dir}/kept --json"),
    ],
    "buffer requeue": [Case("--reason {name} --state-dir {dir}/requeued", shows=False)],
    "buffer drop": [
        Case("--reason {name} --state-dir {dir}/kept", shows=False, typed="n\n"),
        Case("--reason {name} --state-dir {dir}/dropped --yes", shows=False),
    ],
}
RUNS = [
    pytest.param(verb, case, id=f"{verb} {case.arguments}")
    for verb, cases in CASES.items()
    for case in cases
]


def verbs(command: object, path: tuple[str, ...] = ()) -> Iterator[str]:
    commands = getattr(command, "commands", None)
    if commands is None:
        yield " ".join(path)
        return
    for name, below in commands.items():
        yield from verbs(below, (*path, name))


def test_every_verb_has_a_case() -> None:
    assert sorted(verbs(typer.main.get_command(app))) == sorted(CASES)


def config(port: int, state_dir: Path, options: str = "{}") -> str:
    bikes = "".join(
        f'[[bikes]]\nid = "bike-{number}"\nracer_id = {number}\nclass_id = 1\n'
        f'racer_name = {toml_value(HOSTILE[:60])}\ndriver = "{driver}"\noptions = {values}\n'
        for number, driver, values in ((1, "hostile", options), (2, "fake", "{}"))
    )
    return (
        f'thing_name = "gateway-1"\nstate_dir = "{state_dir}"\n'
        f'[cloud]\nendpoint = "127.0.0.1"\nplaintext = true\nport = {port}\n'
        f'[race]\njoin = "always"\nlength_s = 10\n{bikes}'
    )


def fill(directory: Path, device: str) -> None:
    """Write everything that a stranger may have written."""
    name = toml_value(HOSTILE)
    port = free_port()
    (directory / "gateway.toml").write_text(config(port, directory / "state"))
    (directory / "other.toml").write_text(config(port, directory / "other"))
    (directory / "bad.toml").write_text(
        config(port, directory / "bad") + f"{name} = {name}\n[{name}]\nx = 1\n"
    )
    (directory / "answers").write_text(HOSTILE)
    header = {"alleycat_capture": 2, "note": HOSTILE}
    inventory = {"t_s": 0, "device": {"name": HOSTILE, "characteristics": []}}
    frame = {"t_s": 0, "hex": "64000000000032000000", "protocol": "ftms"}
    lines = (header, inventory, frame, {**frame, "t_s": 1, "characteristic": HOSTILE})
    text = "\n".join(json.dumps(line) for line in lines) + "\n"
    (directory / "hostile.jsonl").write_text(text)
    (directory / "broken.jsonl").write_text(f"{text}{json.dumps({'t_s': HOSTILE})}\n")
    made = record(device=HOSTILE, made_by=HOSTILE)
    (directory / "calibration.json").write_text(record_to_json(made))
    (directory / "other").mkdir()
    CalibrationStore(directory / "other").save(record(device=device, made_by=HOSTILE))
    for kept in ("kept", "requeued", "dropped"):
        fill_with_hostile_text(directory / kept)


def fill_with_hostile_text(state_dir: Path) -> None:
    payload = message(1, bike=HOSTILE).to_json()
    fill_buffer(
        state_dir,
        [Record(1, 1, payload), Record(2, 2, f'{{"{MARK}\x1b":1}}'.encode())],
        [(Record(3, 3, payload), HOSTILE)],
    )


@pytest.fixture(scope="module")
def directory(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A running gateway, and files for the other verbs."""
    directory = tmp_path_factory.mktemp("hostile")
    (directory / "site").mkdir()
    register_plugin(directory / "site", "hostile", DRIVER, "HostileBike")
    fill(directory, "hostile")
    environment = {**os.environ, "PYTHONPATH": str(directory / "site")}
    process = subprocess.Popen(
        [*COMMAND, "run", "--config", directory / "gateway.toml"],
        stdin=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        env=environment,
    )
    with killed_at_end(process):
        deadline = time.monotonic() + START_TIMEOUT_S
        while True:
            try:
                ask_status(directory / "state" / FILE_NAME)
                break
            except NoStatusError:
                assert time.monotonic() < deadline
                time.sleep(0.1)
        yield directory


def command(verb: str, case: Case, directory: Path) -> list[str]:
    words = [word.format(dir=directory, name=HOSTILE) for word in case.arguments.split(" ")]
    return [sys.executable, "-m", "gateway", *verb.split(), *words]


def problems(text: str, case: Case) -> list[str]:
    """Return what is wrong with the output of a verb, each with the output."""
    shown = without_styles(text)
    wrong = {
        complaint(shown): bool(complaint(shown)),
        "a traceback": "Traceback" in shown.replace("  Traceback", ""),
        "the name is missing": case.shows and MARK not in shown,
    }
    return [f"{what}: {shown}" for what, is_wrong in wrong.items() if is_wrong]


@pytest.mark.parametrize(("verb", "case"), RUNS)
def test_verb_prints_hostile_text_in_a_pipe_without_obeying_it(
    verb: str, case: Case, directory: Path
) -> None:
    process = subprocess.Popen(
        command(verb, case, directory),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        env={**os.environ, "PYTHONPATH": str(directory / "site")},
    )
    with killed_at_end(process):
        try:
            output, _ = process.communicate(case.typed.encode(), case.patience_s)
        except subprocess.TimeoutExpired:
            process.send_signal(signal.SIGINT)
            output, _ = process.communicate(timeout=30)
    if not case.is_exact:
        shows = case.shows and verb != "setup"  # which asks a terminal alone
        text = output.decode(errors="surrogateescape")
        assert problems(text, replace(case, shows=shows)) == []
    if "--json" in case.arguments and verb != "capture":
        for line in output.splitlines():
            if line.startswith(b"{"):
                json.loads(line)


@pytest.mark.parametrize(("verb", "case"), RUNS)
def test_verb_prints_hostile_text_on_a_terminal_without_obeying_it(
    verb: str, case: Case, directory: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PYTHONPATH", str(directory / "site"))
    for file in directory.glob("new.*"):
        file.unlink()
    with Terminal(command(verb, case, directory), columns=1000, rows=50) as terminal:
        deadline = time.monotonic() + case.patience_s
        typed = iter(case.typed)
        while time.monotonic() < deadline and terminal.read():
            if key := next(typed, ""):
                terminal.press(key)
                time.sleep(0.2)
        terminal.press_ctrl_c()
        terminal.exit_code()
        assert problems(terminal.output, case) == []
