"""Somebody on a bike calibrates it at a terminal of 80 × 24, while the daemon races on it."""

import signal
from pathlib import Path
from statistics import median

import pytest

from gateway.sampling.calibration import ResistanceSource
from gateway.sampling.calibration_record import CalibrationRecord
from gateway.sampling.calibration_store import CalibrationStore
from tests.support.dialogue import Dialogue
from tests.support.gateway_process import GatewayProcess
from tests.support.mosquitto import Mosquitto
from tests.support.subscriber import Subscriber

RACE_S = 10
#: A rig that is as awkward as real ones, and a file that is the hand on its knob.
RIG = """[[bikes]]
id = "bike-1"
racer_id = 1
racer_name = "Rider1"
class_id = 1
driver = "fake"
[bikes.options]
wire = "lines"
ride_s = 10
knob_file = "knob"
pot = { curve = "s_shaped", reversed = true, noise_counts = 2.0, hysteresis_counts = 6.0 }
faults = { resistance_glitch_per_min = 6, missing_per_min = 4 }
"""


class Sitter(Dialogue):
    """Reads where to turn the knob, and turns it there."""

    def __init__(self, config_file: Path, *arguments: str) -> None:
        self._knob_file = config_file.parent / "knob"
        super().__init__("calibrate", "bike-1", "--config", str(config_file), *arguments)

    def turn_as_told(self, percents: list[int]) -> None:
        """Until the last of them is captured."""
        for number, percent in enumerate(percents, start=1):
            self.wait_for(rf"{number} of {len(percents)}\s+turn to {percent} %", timeout_s=40)
            self._knob_file.write_text(f"{percent}")
        self.wait_for("use this curve\\?", timeout_s=40)

    def accept(self) -> None:
        self.press("y")
        self.wait_for("the new curve is in use")


@pytest.fixture
def rig(gateway: GatewayProcess, broker: Mosquitto) -> GatewayProcess:
    """The daemon races on it."""
    gateway.cloud["port"] = broker.port
    gateway.race_length_s = RACE_S
    gateway.bikes = [RIG]
    (gateway.config_file.parent / "knob").write_text("40")
    gateway.start()
    gateway.wait_for_log("cloud connected")
    gateway.wait_for_log("bike connected")
    return gateway


def saved(gateway: GatewayProcess) -> CalibrationRecord | None:
    return CalibrationStore(gateway.config_file.parent / "state").load("bike-1")


def wait_for_source(subscriber: Subscriber, source: ResistanceSource) -> None:
    """In what arrives from now on."""
    known = len(subscriber.messages)
    subscriber.wait_for(
        lambda messages: any(one.resistance_source is source for one in messages[known:])
    )


def test_calibrate_captures_accepts_and_saves_while_the_daemon_races(
    rig: GatewayProcess, subscriber: Subscriber
) -> None:
    wait_for_source(subscriber, ResistanceSource.UNCALIBRATED)
    with Sitter(rig.config_file, "--points", "20,40,60") as sitter:
        sitter.turn_as_told([20, 40, 60])
        assert saved(rig) is None
        wait_for_source(subscriber, ResistanceSource.UNCALIBRATED)
        sitter.accept()
        wait_for_source(subscriber, ResistanceSource.CALIBRATED)
        assert saved(rig) is None
        sitter.press("s")
        assert sitter.exit_code() == 0
    one = saved(rig)
    assert one is not None
    assert [point.percent for point in one.points] == [20, 40, 60]
    live = len(subscriber.messages)
    messages = subscriber.wait_for(lambda messages: len(messages) >= live + 5)[live:]
    assert {one.resistance_source for one in messages} == {ResistanceSource.CALIBRATED}
    assert median(one.resistance for one in messages) == pytest.approx(60, abs=1.5)
    seconds = [one.race_id // 10 * RACE_S + one.second for one in subscriber.messages]
    assert seconds == list(range(seconds[0], seconds[0] + len(seconds)))


@pytest.mark.parametrize("end", ["ctrl-c", "hang-up", "kill -9", "q"])
def test_calibrate_that_is_left_keeps_the_old_calibration(
    rig: GatewayProcess, subscriber: Subscriber, end: str
) -> None:
    """While the new one is being tried out."""
    with Sitter(rig.config_file, "--points", "40,55") as sitter:
        sitter.wait_for("the knob has not moved")
        sitter.press("\n")
        sitter.wait_for("2 of 2")
        (rig.config_file.parent / "knob").write_text("55")
        sitter.wait_for("use this curve\\?", timeout_s=40)
        sitter.accept()
        wait_for_source(subscriber, ResistanceSource.CALIBRATED)
        if end == "ctrl-c":
            sitter.press_ctrl_c()
            assert sitter.exit_code() == 130
            assert sitter.is_cooked
        elif end == "q":
            sitter.press("q")
            assert sitter.exit_code() == 1
            assert "quit: nothing was changed" in sitter.text
        elif end == "hang-up":
            sitter.hang_up()
            sitter.exit_code()
        else:
            sitter.send_signal(signal.SIGKILL)
            sitter.exit_code()
        wait_for_source(subscriber, ResistanceSource.UNCALIBRATED)
    assert saved(rig) is None


def test_calibrate_ends_with_words_when_the_daemon_ends(rig: GatewayProcess) -> None:
    with Sitter(rig.config_file) as sitter:
        sitter.wait_for("1 of 5")
        rig.terminate()
        assert sitter.exit_code() == 1
        assert "the gateway closed the connection: it is stopping" in sitter.text
