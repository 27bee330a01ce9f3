"""`setup` at a terminal of 80 columns, beside real scans of fake bikes; and by flags alone."""

import asyncio
import tomllib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from drivers.registry import load_drivers
from drivers.serial_line.driver import SERIAL_PROTOCOLS
from gateway.cli.app import app
from gateway.config.packaged import config_path
from gateway.config.schema import load_config
from gateway.host.errors import BAD_CONFIG, FAILED, INTERRUPTED, USAGE
from gateway.setup import service_control
from gateway.setup.answers import Answers
from gateway.setup.kept_answers import keep, kept, kept_file
from systemd.package.first_config import first_config
from tests.support.bluez import Bluez, bikes
from tests.support.dialogue import Dialogue
from tests.support.mosquitto import Authority, Credentials
from tests.support.statuses import gateway_status

pytestmark = pytest.mark.slow

FIRST_CONFIG = first_config(config_path("gateway.toml").read_text(encoding="utf-8"))
ADA = ("--racer-name", "Ada", "--racer-id", "3", "--class-id", "2")
FIRST = ("--bike", "fake", *ADA)


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "gateway.toml"


@pytest.fixture
def mine(tmp_path: Path) -> Credentials:
    return Authority(tmp_path / "ca").issue("gateway-7")


def setup(file: Path, *arguments: str) -> Result:
    return CliRunner().invoke(app, ["setup", "--config", str(file), *arguments])


def read(file: Path) -> dict[str, Any]:
    load_config(file, load_drivers())
    return tomllib.loads(file.read_text(encoding="utf-8"))


def dialogue(file: Path, talk: Callable[[Dialogue], None], *arguments: str) -> Dialogue:
    with Dialogue("setup", "--config", str(file), *arguments) as terminal:
        talk(terminal)
        return terminal


# At a terminal


async def test_setup_finds_a_bike_and_writes_it_with_its_rider(bluez: Bluez, file: Path) -> None:
    bike = bikes.ftms_bike(bluez, name="IC Bike")
    bikes.heart_rate_strap(bluez)

    def talk(terminal: Dialogue) -> None:
        heading = terminal.expect("Press Enter")
        # Without the blanks: the terminal breaks a long path in the middle.
        assert f"Thiswillcreate{file}fromtheexampleconfig." in "".join(heading.split())
        terminal.expect(
            "1  IC Bike  C0:FF:EE:00:00:01  -60 dBm  ble: advertises the ftms service\n"
        )
        terminal.expect("Which bike? Enter its number, its Bluetooth address, its serial port, ")
        terminal.expect("[1]: ")
        terminal.type()
        terminal.expect("Pedal, and compare these values with the bike's display")
        terminal.expect("Is this your bike? [Y/n]: ")
        terminal.type()
        terminal.expect("knows each racer by a number")
        terminal.expect("first name: ")
        terminal.type("Ada")
        terminal.expect("id (a number): ")
        terminal.type("three")
        terminal.expect("expected a whole number")
        terminal.type("3")
        terminal.expect("Racer's class, 1 … 6: ")
        terminal.type("2")
        terminal.expect("[later]: ")
        terminal.type()
        terminal.expect(f"wrote {file}\nNext:\n")
        assert terminal.exit_code() == 0

    async def pedal() -> None:
        while True:
            bike.notify(bikes.INDOOR_BIKE_DATA, bytes.fromhex("4400 0000 b400 6400"))
            await asyncio.sleep(0.2)

    pedalling = asyncio.create_task(pedal())
    shown = await asyncio.to_thread(dialogue, file, talk, "--seconds", "1")
    pedalling.cancel()
    assert "90 rpm" in shown.text, "the bike is shown live"
    assert "Strap" not in shown.text, "it is worn beside a bike"
    config = read(file)
    assert config["bikes"] == [
        {
            "id": "bike-001",
            "racer_id": 3,
            "racer_name": "Ada",
            "class_id": 2,
            "driver": "ble",
            "options": {"address": "C0:FF:EE:00:00:01"},
        }
    ]
    assert config["cloud"]["plaintext"], "no cloud yet"


def test_setup_asks_for_the_protocol_of_a_port_and_the_files_of_a_cloud(
    file: Path, tmp_path: Path, mine: Credentials
) -> None:
    def talk(terminal: Dialogue) -> None:
        terminal.expect(
            "Which bike? Enter its Bluetooth address, its serial port, `ant:` and its "
            "device number, or `fake` for a simulated bike.\nBike: "
        )
        terminal.type("the black one")
        terminal.expect("is not a Bluetooth address, a serial port, an ANT+ bike")
        terminal.type("/dev/serial/by-id/usb-FTDI")
        names = ", ".join(SERIAL_PROTOCOLS)
        terminal.expect(f"Which protocol does the bike use? Enter one of: {names}.\nProtocol: ")
        terminal.type("peleton")
        terminal.expect("Error: expected one of")
        terminal.type("peloton")
        for question, answer in {"name: ": "Ada", "(a number): ": "3", "1 … 6: ": "2"}.items():
            terminal.expect(question)
            terminal.type(answer)
        terminal.expect("[later]: ")
        terminal.type("https://x.example")
        terminal.expect("expected a host name without")
        terminal.type("x.example")
        terminal.expect("Each gateway needs its own.\nName of this gateway [")
        terminal.type("gateway-7")
        terminal.expect("Enter the claim's folder")
        terminal.expect("Certificate [later]: ")
        terminal.type("/nowhere/mine.pem")
        terminal.expect("/nowhere/mine.pem: No such file")
        terminal.type(str(mine.certificate_file))
        terminal.expect("Private key [")
        terminal.type()
        terminal.expect("your broker's CA file")
        terminal.expect("[public]: ")
        terminal.type(str(mine.ca_file))
        terminal.expect("Testing the connection to x.example:8883")
        assert terminal.exit_code() == 0

    dialogue(file, talk, "--no-scan")
    config = read(file)
    assert config["thing_name"] == "gateway-7"
    assert config["bikes"][0]["options"] == {
        "port": "/dev/serial/by-id/usb-FTDI",
        "protocol": "peloton",
    }
    assert (config["cloud"]["endpoint"], config["cloud"]["port"]) == ("x.example", 8883)
    assert config["cloud"]["private_key_file"] == str(mine.private_key_file)
    assert not config["cloud"]["plaintext"]


def test_enter_at_every_question_of_setup_changes_nothing(file: Path) -> None:
    setup(file, *FIRST)
    before = file.read_bytes()

    def talk(terminal: Dialogue) -> None:
        for question in ("[bike-001]: ", "[keep]: ", "[Ada]: ", "[3]: ", "[2]: ", "[later]: "):
            terminal.expect(question)
            terminal.type()
        terminal.expect("is unchanged")
        terminal.expect("Next:\n")
        assert terminal.exit_code() == 0

    dialogue(file, talk, "--no-scan")
    assert file.read_bytes() == before
    assert not file.with_name("gateway.toml.bak").exists()


def test_setup_adds_a_second_bike(file: Path) -> None:
    setup(file, *FIRST)

    def talk(terminal: Dialogue) -> None:
        terminal.expect("bike-001  Ada on fake")
        terminal.expect("or `add` for a new bike.\nBike to set up [bike-001]: ")
        terminal.type("add")
        terminal.expect("Id of the new bike [bike-002]: ")
        terminal.type()
        for question, answer in {
            "simulated bike.\nBike: ": "C0:FF:EE:00:00:02",
            "first name: ": "Bo",
            "(a number): ": "4",
            "1 … 6: ": "1",
            "[later]: ": "",
        }.items():
            terminal.expect(question)
            terminal.type(answer)
        assert terminal.exit_code() == 0

    dialogue(file, talk, "--no-scan")
    first, second = read(file)["bikes"]
    assert (first["racer_name"], second["racer_name"]) == ("Ada", "Bo")
    assert (second["id"], second["options"]) == ("bike-002", {"address": "C0:FF:EE:00:00:02"})


@pytest.mark.parametrize(
    "at", ["[bike-001]: ", "[keep]: ", "[Ada]: ", "[3]: ", "[2]: ", "[later]: "]
)
def test_setup_interrupted_at_any_question_changes_no_file(file: Path, at: str) -> None:
    setup(file, *FIRST)
    before = file.read_bytes()

    def talk(terminal: Dialogue) -> None:
        for question, answer in {
            "[bike-001]: ": "",
            "[keep]: ": "C0:FF:EE:00:00:02",
            "[Ada]: ": "Bo",
            "[3]: ": "4",
            "[2]: ": "1",
            "[later]: ": "",
        }.items():
            terminal.expect(question)
            if question == at:
                break
            terminal.type(answer)
        terminal.press_ctrl_c()
        terminal.expect("interrupted: the config was not changed")
        assert terminal.exit_code() == INTERRUPTED

    dialogue(file, talk, "--no-scan")
    assert file.read_bytes() == before
    assert {one.name for one in file.parent.iterdir()} <= {file.name, kept_file(file).name}


def test_setup_proposes_the_answers_of_a_run_that_was_left(file: Path, mine: Credentials) -> None:
    def leave(terminal: Dialogue) -> None:
        for question, answer in {
            "simulated bike.\nBike: ": "C0:FF:EE:00:00:02",
            "first name: ": "Bo",
            "(a number): ": "4",
            "1 … 6: ": "1",
            "[later]: ": "x.example",
        }.items():
            terminal.expect(question)
            terminal.type(answer)
        terminal.expect("Each gateway needs its own.\nName of this gateway [")
        terminal.press_ctrl_c()
        terminal.expect("proposes your answers again")
        assert terminal.exit_code() == INTERRUPTED

    def resume(terminal: Dialogue) -> None:
        terminal.expect("Your answers from last time are proposed again.")
        proposed = ("[C0:FF:EE:00:00:02]: ", "[Bo]: ", "[4]: ", "[1]: ", "[x.example]: ")
        for question in (*proposed, "Name of this gateway ["):
            terminal.expect(question)
            terminal.type()
        terminal.expect("Certificate [later]: ")
        terminal.type("later")
        terminal.expect("The cloud is not set up yet. When you have the certificate, run: ")
        terminal.expect("alleycat-gateway setup --config")
        assert terminal.exit_code() == 0

    dialogue(file, leave, "--no-scan")
    assert not file.exists()
    dialogue(file, resume, "--no-scan")
    config = read(file)
    assert (config["bikes"][0]["racer_name"], config["cloud"]["plaintext"]) == ("Bo", True)
    assert kept(file).cloud == {"endpoint": "x.example"}, "the next run proposes it"
    assert kept(file).racer == {}, "that is in the config"


def test_keys_pressed_before_a_question_do_not_answer_it(file: Path) -> None:
    setup(file, *FIRST)

    def talk(terminal: Dialogue) -> None:
        terminal.expect("[bike-001]: ")
        terminal.press("\n\n\n\n")
        terminal.expect("[keep]: ")
        terminal.watch_for(0.5)
        assert "[Ada]" not in terminal.text
        terminal.press_ctrl_c()
        assert terminal.exit_code() == INTERRUPTED

    dialogue(file, talk, "--no-scan")


async def test_setup_interrupted_while_scanning_makes_no_file(bluez: Bluez, file: Path) -> None:
    bikes.ftms_bike(bluez)

    def talk(terminal: Dialogue) -> None:
        terminal.expect("1  FTMS bike")
        terminal.press_ctrl_c()
        terminal.expect("interrupted: the config was not changed")
        assert terminal.exit_code() == INTERRUPTED

    await asyncio.to_thread(dialogue, file, talk, "--seconds", "60")
    assert not await asyncio.to_thread(file.exists)


async def test_setup_offers_a_bike_that_is_not_in_the_config_yet(bluez: Bluez, file: Path) -> None:
    first = bikes.ftms_bike(bluez)
    bikes.csc_sensor(bluez)
    await asyncio.to_thread(setup, file, "--bike", first.address, *ADA)

    def talk(terminal: Dialogue) -> None:
        found = terminal.expect("Which bike")
        numbers = {line.split()[0]: line for line in found.splitlines() if "dBm" in line}
        (free,) = (n for n, line in numbers.items() if first.address not in line)
        terminal.expect(f"[{free}]: ")
        terminal.press_ctrl_c()
        assert terminal.exit_code() == INTERRUPTED

    await asyncio.to_thread(dialogue, file, talk, "--seconds", "1", "--bike-id", "bike-002")


async def test_setup_scans_again_for_a_bike_that_was_asleep(bluez: Bluez, file: Path) -> None:
    loop = asyncio.get_running_loop()

    def talk(terminal: Dialogue) -> None:
        terminal.expect("No bike was found")
        loop.call_soon_threadsafe(lambda: bikes.ftms_bike(bluez, name="Awake"))
        terminal.expect("[again]: ")
        terminal.type()
        terminal.expect("1  Awake")
        terminal.expect("[1]: ")
        terminal.press_ctrl_c()
        assert terminal.exit_code() == INTERRUPTED

    await asyncio.to_thread(dialogue, file, talk, "--seconds", "1")


def test_setup_without_a_certificate_leaves_the_cloud_for_later(file: Path) -> None:
    def talk(terminal: Dialogue) -> None:
        terminal.expect("[later]: ")
        terminal.type("x.example")
        terminal.expect("Name of this gateway [")
        terminal.type("gateway-7")
        terminal.expect("Certificate [later]: ")
        terminal.type("later")
        terminal.expect("The cloud is not set up yet. When you have the certificate, run: ")
        assert terminal.exit_code() == 0

    dialogue(file, talk, *FIRST)
    assert read(file)["cloud"]["endpoint"] == "127.0.0.1"


@pytest.mark.parametrize("is_announced", [True, False])
def test_key_is_pasted_at_the_question_or_after_it(
    file: Path,
    mine: Credentials,
    is_announced: bool,
) -> None:
    key = mine.private_key_file.read_text(encoding="utf-8")

    def talk(terminal: Dialogue) -> None:
        terminal.expect("Certificate [later]: ")
        terminal.type(mine.certificate_file.read_text(encoding="utf-8"))
        terminal.expect("The certificate is kept in ")
        terminal.expect("Private key: ")
        if is_announced:
            terminal.type("paste")
            terminal.expect("it is not shown:")
            terminal.wait_until(lambda: not terminal.is_cooked)
        terminal.type(key)
        terminal.expect("The private key is kept in ")
        terminal.expect("CA file [public]: ")
        assert terminal.is_cooked
        terminal.type(mine.ca_file.read_text(encoding="utf-8"))
        assert terminal.exit_code() == 0

    shown = dialogue(file, talk, *FIRST, "--endpoint", "x.example", "--thing-name", "gateway-7")
    cloud = read(file)["cloud"]
    pasted = [Path(cloud[f"{name}_file"]).read_bytes() for name in ("private_key", "ca")]
    assert pasted == [mine.private_key_file.read_bytes(), mine.ca_file.read_bytes()]
    is_shown = key.splitlines()[1] in shown.text
    assert is_shown is not is_announced
    assert ("clear the screen" in " ".join(shown.text.split())) is is_shown


def test_keys_pressed_while_the_bike_is_shown_leave_nothing_on_the_screen(file: Path) -> None:
    def talk(terminal: Dialogue) -> None:
        terminal.expect("Bike [again]: ")
        terminal.type("/dev/nowhere")
        terminal.expect("Protocol: ")
        terminal.type("peloton")
        terminal.expect("Pedal, and compare")
        terminal.expect("the bike: ")
        terminal.wait_until(lambda: not terminal.is_cooked)
        terminal.type("typed ahead")
        terminal.expect("Set it up anyway? [Y/n]: ")
        assert terminal.is_cooked
        terminal.type("x")
        terminal.expect("Error: 'x' is not an answer; expected y (yes) or n (no)")
        terminal.expect("[Y/n]: ")
        terminal.press_ctrl_c()
        assert terminal.exit_code() == INTERRUPTED

    shown = dialogue(file, talk, "--seconds", "1")
    assert "typed ahead" not in shown.text


@pytest.mark.parametrize("columns", [80, 120])
def test_no_word_of_setup_is_broken_at_the_edge_of_the_screen(file: Path, columns: int) -> None:
    def talk(terminal: Dialogue) -> None:
        # Each question is awaited to its end, so that no answer is echoed in its middle.
        for question, answer in {
            "Bike: ": "the black one",
            "Error: ": "",
            "\nBike: ": "fake",
            "first name: ": "Ada",
            "(a number): ": "3",
            "1 … 6: ": "2",
            "Endpoint [later]: ": "127.0.0.1",
            "Name of this gateway [": "",
            "]: ": "gateway-7",
            "Certificate [none]: ": "later",
        }.items():
            terminal.expect(question)
            if answer:
                terminal.type(answer)
        assert terminal.exit_code() == 0

    with Dialogue("setup", "--config", str(file), "--no-scan", columns=columns) as terminal:
        talk(terminal)
    talked, _, _ = terminal.text.partition("Next:")  # then commands to copy
    lines = talked.replace("\r\n", "\n").split("\n")
    assert [line for line in lines if len(line) > columns and " " in line.strip()] == []


def test_answers_are_proposed_again_only_if_there_were_any(file: Path) -> None:
    def leave(terminal: Dialogue) -> None:
        terminal.expect("Bike: ")
        terminal.press_ctrl_c()
        terminal.expect("the config was not changed\n")
        assert terminal.exit_code() == INTERRUPTED

    keep(file, Answers(bike_id="bike-001"))  # as an earlier version did
    assert "from last time" not in dialogue(file, leave, "--no-scan").text
    kept_file(file).unlink()
    for _ in ("first", "second"):
        assert "from last time" not in dialogue(file, leave, "--no-scan").text


def test_setup_asks_nothing_that_is_given_by_flags(file: Path) -> None:
    def talk(terminal: Dialogue) -> None:
        assert terminal.exit_code() == 0

    shown = dialogue(file, talk, *FIRST, "--endpoint", "later")
    assert "?" not in shown.text
    assert read(file)["bikes"][0]["racer_name"] == "Ada"


# By flags alone


def test_setup_without_a_terminal_works_by_flags_alone(file: Path, mine: Credentials) -> None:
    result = setup(
        file,
        *("--bike", "/dev/ttyUSB0", "--protocol", "peloton", "--bike-id", "hall-1", *ADA),
        *("--endpoint", "x.example", "--thing-name", "gateway-7"),
        *("--ca-file", str(mine.ca_file), "--certificate-file", str(mine.certificate_file)),
        *("--private-key-file", str(mine.private_key_file)),
    )
    assert result.exit_code == 0, result.output
    config = read(file)
    assert [bike["id"] for bike in config["bikes"]] == ["hall-1"], "and not the example's"
    assert (config["thing_name"], config["cloud"]["endpoint"]) == ("gateway-7", "x.example")


def test_setup_without_a_terminal_names_the_missing_flags(file: Path) -> None:
    result = setup(file, "--bike", "fake", "--racer-id", "3")
    assert result.exit_code == USAGE
    assert "cannot ask without a terminal: add --racer-name, --class-id" in result.output
    assert not file.exists()


def test_setup_changes_only_what_is_given(file: Path) -> None:
    setup(file, *FIRST)
    before = read(file)
    assert setup(file, "--racer-name", "Bo").exit_code == 0
    before["bikes"][0]["racer_name"] = "Bo"
    assert read(file) == before
    assert tomllib.loads(file.with_name("gateway.toml.bak").read_text())["bikes"] != before["bikes"]


def test_setup_with_nothing_given_is_a_usage_error(file: Path) -> None:
    setup(file, *FIRST)
    result = setup(file)
    assert result.exit_code == USAGE
    assert "cannot ask without a terminal: give the answers as options" in result.output


def test_setup_writes_no_config_that_the_gateway_would_refuse(file: Path) -> None:
    setup(file, *FIRST)
    before = file.read_bytes()
    result = setup(file, "--endpoint", "x.example")
    assert result.exit_code == BAD_CONFIG
    assert "the config was not changed, because it would be invalid:" in result.output
    assert f"{file}: " in result.output, "the file's own name, not the draft's"
    assert "cloud.certificate_file" in result.output
    assert [one.read_bytes() for one in file.parent.glob("*gateway.toml*")] == [before]


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (["--bike", "black"], USAGE, "--bike: 'black' is not a Bluetooth address"),
        (["--bike", "/dev/ttyUSB0"], USAGE, "add --protocol, such as"),
        ([*FIRST, "--class-id", "7"], BAD_CONFIG, "class_id: got 7"),
    ],
)
def test_wrong_setup_flag_is_refused_with_what_was_expected(
    file: Path, arguments: list[str], code: int, words: str
) -> None:
    result = setup(file, *arguments)
    assert (result.exit_code, words in result.output) == (code, True), result.output


def test_setup_into_a_missing_directory_fails(tmp_path: Path) -> None:
    result = setup(tmp_path / "gone" / "gateway.toml", *FIRST)
    assert result.exit_code == FAILED
    assert "does not exist; create that directory, or choose another path" in result.output


@pytest.mark.parametrize("text", ["[[[", "a = " + "[" * 5000])
def test_setup_leaves_a_file_that_is_no_toml_alone(file: Path, text: str) -> None:
    file.write_text(text)
    result = setup(file, *FIRST)
    assert result.exit_code == BAD_CONFIG
    assert "not TOML" in result.output
    assert file.read_text() == text


def test_setup_moves_the_first_config_of_a_package_to_a_cloud(
    file: Path, mine: Credentials
) -> None:
    file.write_text(FIRST_CONFIG, encoding="utf-8")
    result = setup(
        file,
        *("--bike", "C0:FF:EE:00:00:01", *ADA, "--endpoint", "x.example"),
        *("--ca-file", str(mine.ca_file), "--certificate-file", str(mine.certificate_file)),
        *("--private-key-file", str(mine.private_key_file)),
    )
    assert result.exit_code == 0, result.output
    cloud = read(file)["cloud"]
    assert (cloud["port"], cloud["plaintext"]) == (8883, False)


def test_setup_of_the_first_config_requires_a_bike_and_its_rider(file: Path) -> None:
    """Otherwise the simulated rider would race in the cloud that is set up."""
    file.write_text(FIRST_CONFIG, encoding="utf-8")
    result = setup(file, "--endpoint", "x.example")
    assert result.exit_code == USAGE
    assert "add --bike, --racer-name, --racer-id, --class-id" in result.output
    assert file.read_text(encoding="utf-8") == FIRST_CONFIG


def test_setup_of_the_first_config_leaves_no_simulated_bike(file: Path) -> None:
    file.write_text(FIRST_CONFIG, encoding="utf-8")
    result = setup(file, "--bike-id", "hall-1", "--bike", "C0:FF:EE:00:00:01", *ADA)
    assert result.exit_code == 0, result.output
    assert [(bike["id"], bike["driver"]) for bike in read(file)["bikes"]] == [("hall-1", "ble")]


def test_setup_that_repeats_the_first_config_names_the_reason_why_the_service_waits(
    file: Path,
) -> None:
    file.write_text(FIRST_CONFIG, encoding="utf-8")
    hayden = ("--racer-name", "Hayden", "--racer-id", "7", "--class-id", "1")
    for _ in ("written", "unchanged"):
        result = setup(file, "--bike", "fake", *hayden, "--endpoint", "later")
        assert "still the example's, so the service waits" in result.output
    assert "still the example's" not in setup(file, "--bike", "fake", *ADA).output


def test_setup_that_replaces_a_fake_bike_announces_that_its_seconds_are_discarded(
    file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("gateway.config.command_line.SERVICE_CONFIG", file)
    assert "discarded" not in setup(file, *FIRST).output
    result = setup(file, "--bike", "C0:FF:EE:00:00:01")
    assert "bike-001 was simulated: its unsent seconds are discarded" in result.output
    assert "sudo systemctl restart alleycat-gateway" in result.output
    assert "discarded" not in setup(file, "--bike", "C0:FF:EE:00:00:02").output


def test_setup_recommends_a_reload_where_no_restart_is_needed(
    file: Path, mine: Credentials, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The running gateway takes another rider in mid-race, and another cloud at its next start."""
    monkeypatch.setattr("gateway.config.command_line.SERVICE_CONFIG", file)
    said = setup(file, *FIRST).output
    assert "alleycat-gateway check\n  sudo systemctl restart alleycat-gateway\n" in said
    assert "systemctl reload-or-restart" in setup(file, "--racer-name", "Bo").output
    files = {"ca": mine.ca_file, "certificate": mine.certificate_file}
    given = [f"--{name}-file={path}" for name, path in files.items()]
    said = setup(
        file, "--endpoint=x.example", *given, f"--private-key-file={mine.private_key_file}"
    ).output
    assert "systemctl restart" in said


def test_unchanged_config_can_be_tested_and_started(
    file: Path, mine: Credentials, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As after a setup whose offer to start the service was declined."""
    monkeypatch.setattr("gateway.config.command_line.SERVICE_CONFIG", file)
    arguments = (*FIRST, "--endpoint", "127.0.0.1", "--port", "1", *files_of(mine))
    setup(file, *arguments, "--state-dir", str(file.parent))
    said = setup(file, *FIRST).output
    assert "is unchanged" in said
    assert "Testing the connection to 127.0.0.1:1" in said
    assert "sudo systemctl restart alleycat-gateway" in said
    verbs: list[str] = []
    monkeypatch.setattr(service_control, "can_control", lambda: True)
    monkeypatch.setattr(service_control, "apply", verbs.append)
    monkeypatch.setattr(service_control, "first_status", gateway_status)
    assert setup(file, *FIRST, "--start").exit_code == FAILED, "the cloud is not reached"
    assert verbs == ["restart"]


@pytest.mark.parametrize(
    ("may_control", "problem", "code", "words"),
    [
        (True, None, 0, "all well"),
        (True, "Job failed.", FAILED, "failed: Job failed."),
        (False, None, FAILED, "Nothing was started: --start needs root"),
    ],
)
def test_start_that_was_asked_for_and_fails_is_a_failure(
    may_control: bool,
    problem: str | None,
    code: int,
    words: str,
    file: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("gateway.config.command_line.SERVICE_CONFIG", file)
    monkeypatch.setattr(service_control, "can_control", lambda: may_control)
    monkeypatch.setattr(service_control, "apply", lambda _: problem)
    monkeypatch.setattr(service_control, "first_status", gateway_status)
    result = setup(file, *FIRST, "--start")
    assert (result.exit_code, words in result.output) == (code, True), result.output


def test_new_config_of_a_plain_user_keeps_its_messages_next_to_it(file: Path) -> None:
    setup(file, *FIRST)
    assert read(file)["state_dir"] == "state"
    setup(file, "--state-dir", "elsewhere")
    assert read(file)["state_dir"] == str(Path("elsewhere").absolute())


def test_new_config_of_the_service_keeps_the_directory_of_the_service(
    file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("gateway.config.command_line.SERVICE_CONFIG", file)
    setup(file, *FIRST)
    assert read(file)["state_dir"] == "/var/lib/alleycat-gateway"


def test_broker_on_this_machine_with_a_certificate_is_reached_over_tls(
    file: Path, mine: Credentials
) -> None:
    setup(file, *FIRST)
    arguments = ["--endpoint", "127.0.0.1", "--port", "8884", *files_of(mine)]
    assert setup(file, *arguments).exit_code == 0
    cloud = read(file)["cloud"]
    assert (cloud["plaintext"], cloud["port"]) == (False, 8884)
    assert cloud["certificate_file"] == str(mine.certificate_file)


def test_broker_on_this_machine_without_a_certificate_is_reached_without_tls(file: Path) -> None:
    setup(file, *FIRST, "--endpoint", "127.0.0.1", "--port", "1884")
    cloud = read(file)["cloud"]
    assert (cloud["plaintext"], cloud["port"]) == (True, 1884)


def test_files_given_without_an_endpoint_are_not_dropped(file: Path, mine: Credentials) -> None:
    result = setup(file, *FIRST, *files_of(mine))
    assert result.exit_code == USAGE
    assert "add --endpoint" in result.output


def test_relative_file_is_that_of_the_working_directory(
    file: Path, mine: Credentials, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(mine.ca_file.parent)
    names = {"ca": mine.ca_file, "certificate": mine.certificate_file}
    given = [f"--{name}-file={path.name}" for name, path in names.items()]
    key = f"--private-key-file={mine.private_key_file.name}"
    assert setup(file, *FIRST, "--endpoint=x.example", *given, key).exit_code == 0
    assert read(file)["cloud"]["ca_file"] == str(mine.ca_file)


def test_ca_file_of_an_old_example_is_removed_if_it_was_never_there(
    file: Path, mine: Credentials
) -> None:
    setup(file, *FIRST)
    text = file.read_text(encoding="utf-8")
    file.write_text(text.replace("[cloud]\n", '[cloud]\nca_file = "/nowhere/Root.pem"\n'))
    own = ["--certificate-file", str(mine.certificate_file)]
    own += ["--private-key-file", str(mine.private_key_file)]
    assert setup(file, "--endpoint", "x.iot.eu-west-1.amazonaws.com", *own).exit_code == 0
    assert "ca_file" not in read(file)["cloud"]


def test_config_is_made_from_another_gateways(
    file: Path, tmp_path: Path, mine: Credentials
) -> None:
    other = tmp_path / "other.toml"
    setup(other, *FIRST, "--endpoint", "x.example", "--thing-name", "pi-1", *files_of(mine))
    setup(other, "--bike-id", "bike-002", "--bike", "C0:FF:EE:00:00:02", *ADA)
    text = other.read_text(encoding="utf-8").replace("length_s = 300", "length_s = 120")
    other.write_text(text, encoding="utf-8")
    result = setup(file, "--from", str(other), "--bike", "/dev/ttyUSB0", "--protocol", "daum")
    assert result.exit_code == USAGE
    assert "add --racer-name, --racer-id, --class-id, --thing-name" in result.output
    setup(file, "--from", str(other), *FIRST, "--thing-name", "pi-2", "--racer-name", "Bo")
    config = read(file)
    assert (config["thing_name"], config["cloud"]["endpoint"]) == ("pi-2", "x.example")
    assert config["race"]["length_s"] == 120
    assert [(bike["id"], bike["racer_name"]) for bike in config["bikes"]] == [("bike-001", "Bo")]


def files_of(credentials: Credentials) -> list[str]:
    return [
        f"--ca-file={credentials.ca_file}",
        f"--certificate-file={credentials.certificate_file}",
        f"--private-key-file={credentials.private_key_file}",
    ]


def test_rider_of_the_example_is_not_proposed(file: Path) -> None:
    file.write_text(first_config(config_path("gateway.toml").read_text(encoding="utf-8")))

    def talk(terminal: Dialogue) -> None:
        terminal.expect("Bike: ")
        terminal.type("fake")
        for question, answer in {
            "first name: ": "Ada",
            "(a number): ": "3",
            "1 … 6: ": "2",
            "[later]: ": "",
        }.items():
            terminal.expect(question)
            terminal.type(answer)
        assert terminal.exit_code() == 0

    shown = dialogue(file, talk, "--no-scan")
    assert "Hayden" not in shown.text
    assert read(file)["bikes"][0]["racer_id"] == 3
