"""A config is right in full, or the start stops with key, problem and what was expected."""

import json
import os
import re
import tomllib
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, cast

import pytest
from pydantic import BaseModel, ValidationError

from drivers import DriverOptions
from drivers.ble.options import BleOptions
from drivers.captures.replay import ReplayOptions
from drivers.contract import DriverType
from drivers.fake.driver import FakeBikeOptions
from drivers.fake.faults import FaultOptions
from drivers.fake.pot import PotOptions
from drivers.registry import DriverStatus, load_drivers
from drivers.serial_line.driver import SerialOptions
from gateway.config.cloud import CloudConfig
from gateway.config.problems import ConfigError, Problem
from gateway.config.riders import RiderConfig
from gateway.config.schema import (
    BikeConfig,
    BufferConfig,
    ClockConfig,
    Config,
    MetricsConfig,
    RaceConfig,
    WebConfig,
    load_config,
)
from gateway.race.races import ContinuousRaces, Racer
from gateway.sampling.calibration import AS_SAID
from gateway.terminal.printable import one_line
from tests.support.mosquitto import Authority, Credentials

SHIPPED = Path(__file__).parents[3] / "config" / "gateway.toml"
DRIVERS = load_drivers()
PEM_FILES = ["ca_file", "certificate_file", "private_key_file"]

Data = dict[str, Any]


@pytest.fixture(autouse=True)
def _no_overrides(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in list(os.environ):
        if name.startswith("ALLEYCAT_"):
            monkeypatch.delenv(name)


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "gateway.toml"


@pytest.fixture
def data() -> Data:
    """The least that is a config."""
    return {
        "thing_name": "gateway-1",
        "cloud": {"endpoint": "127.0.0.1", "plaintext": True},
        "bikes": [bike("bike-1"), bike("bike-2")],
    }


@pytest.fixture(scope="session")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("authority"))


@pytest.fixture
def credentials(authority: Authority, tmp_path: Path) -> Credentials:
    """Of this test alone, in the folder of its config, as relative paths."""
    issued = authority.issue("gateway-1")
    copies = [tmp_path / name for name in ("ca.pem", "cert.pem", "key.pem")]
    originals = (issued.ca_file, issued.certificate_file, issued.private_key_file)
    for copy, original in zip(copies, originals, strict=True):
        copy.write_bytes(original.read_bytes())
        copy.chmod(0o600)
    return Credentials(*copies)


@pytest.fixture
def secure(data: Data, credentials: Credentials) -> Data:
    """A config with mutual TLS."""
    data["cloud"] = {
        "endpoint": "example-ats.iot.eu-west-1.amazonaws.com",
        "ca_file": "ca.pem",
        "certificate_file": "cert.pem",
        "private_key_file": "key.pem",
    }
    return data


def bike(id_: str) -> Data:
    return {"id": id_, "racer_id": 7, "racer_name": "Hayden", "class_id": 1, "driver": "fake"}


def toml(value: object) -> str:
    if isinstance(value, dict):
        return "{" + ", ".join(f"{key} = {toml(item)}" for key, item in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(toml(item) for item in value) + "]"
    return json.dumps(value, ensure_ascii=False)


def write(file: Path, data: Data) -> Path:
    lines = [f"{key} = {toml(value)}\n" for key, value in data.items()]
    file.write_text("".join(lines), encoding="utf-8")
    return file


def put(data: Data, path: str, value: object) -> None:
    """Set what lies at `path`, such as "bikes.0.id"."""
    *parents, last = path.split(".")
    table: Any = data
    for part in parents:
        table = table[int(part)] if part.isdigit() else table.setdefault(part, {})
    table[last] = value


def load(file: Path, data: Data) -> Config:
    return load_config(write(file, data), DRIVERS)


def problems(file: Path, data: Data) -> list[Problem]:
    """What is wrong with it; the text of the error has it all."""
    with pytest.raises(ConfigError) as raised:
        load(file, data)
    text = str(raised.value)
    places = r"( and the environment)?"
    assert re.match(rf"{re.escape(str(file))}{places}: {len(raised.value.problems)} problem", text)
    for problem in raised.value.problems:
        assert f"\n  {problem.place}: {one_line(problem.what)}" in text
    return raised.value.problems


def problem(file: Path, data: Data) -> Problem:
    (only,) = problems(file, data)
    return only


class TestGood:
    def test_the_least_config_has_the_documented_defaults(self, file: Path, data: Data) -> None:
        config = load(file, data)
        assert config.state_dir == Path("/var/lib/alleycat-gateway")
        assert (config.cloud.port, config.cloud.topic) == (8883, "alleycat-publish")
        assert (config.race.length_s, config.race.offset_ms) == (300, 0)
        assert config.race.per_class
        assert (config.buffer.commit_interval_s, config.buffer.max_size_mib) == (1.0, 512)
        assert config.bikes[0].racer == Racer(7, "Hayden", 1)
        assert config.bikes[0].points == AS_SAID

    def test_config_with_mutual_tls_is_accepted(self, file: Path, secure: Data) -> None:
        assert not load(file, secure).cloud.plaintext

    def test_blanks_around_the_endpoint_are_removed(self, file: Path, secure: Data) -> None:
        put(secure, "cloud.endpoint", " broker.example.\n")
        assert load(file, secure).cloud.endpoint == "broker.example"

    @pytest.mark.parametrize("host", ["127.0.0.1", "127.9.9.9", "::1", "localhost"])
    def test_plaintext_to_this_machine_is_accepted(self, file: Path, data: Data, host: str) -> None:
        put(data, "cloud.endpoint", host)
        assert load(file, data).cloud.endpoint == host

    def test_calibration_points_of_a_bike_make_a_table(self, file: Path, data: Data) -> None:
        put(data, "bikes.0.calibration", [[1000, 0], [0, 100]])
        table = load(file, data).bikes[0].points.table
        assert table is not None
        assert table.percent_at(250) == 75

    def test_largest_racer_id_that_javascript_keeps_apart_is_accepted(
        self, file: Path, data: Data
    ) -> None:
        put(data, "bikes.0.racer_id", 9_007_199_254_740_991)
        assert load(file, data).bikes[0].racer_id == 9_007_199_254_740_991

    @pytest.mark.parametrize("length_s", [1, 86_400])
    def test_largest_offset_leaves_race_ids_that_javascript_keeps_apart_until_2200(
        self, file: Path, data: Data, length_s: int
    ) -> None:
        put(data, "race", {"length_s": length_s, "offset_ms": 1_577_836_800_000})
        race = load(file, data).race
        for offset_ms in (0, race.offset_ms):
            races = ContinuousRaces(race.length_s, offset_ms, class_id=6)
            for year in (2020, 2200):
                now_ms = int(datetime(year, 1, 1, tzinfo=UTC).timestamp() * 1000)
                assert 0 <= races.race_at(now_ms).race_id <= 9_007_199_254_740_991

    def test_a_broken_plugin_is_no_problem_of_the_config(self, file: Path, data: Data) -> None:
        put(data, "bikes.0.driver", "broken")
        put(data, "bikes.0.options", {"any": "thing"})
        broken = {**DRIVERS, "broken": DriverStatus("broken", problem="ImportError: no x")}
        config = load_config(write(file, data), broken)
        assert config.bikes[0].options == {"any": "thing"}


class Anonymous:
    """A plugin whose options check themselves with a bug."""

    class Options(DriverOptions):
        @property
        def who(self) -> str:
            raise KeyError("serial number")


class TestWrong:
    """Each names the key, what is wrong with it and what was expected."""

    @pytest.mark.parametrize(
        ("path", "value", "key", "what"),
        [
            ("cloud.endpont", "x", "cloud.endpont", ["unknown key", "did you mean 'endpoint'?"]),
            ("thingname", "x", "thingname", ["unknown key", "did you mean 'thing_name'?"]),
            ("_env_file", "x", "_env_file", ["unknown key", "expected one of", "thing_name"]),
            ("clock.trust", "never", "clock.trust", ["'auto' or 'always'"]),
            ("clock.trust", True, "clock.trust", ["'auto' or 'always'"]),
            ("clock.trusted", "always", "clock.trusted", ["unknown key", "trust"]),
            ("bikes.1.weight_kg", 8, "bikes[1].weight_kg", ["expected one of: calibration, class"]),
            ("bikes.0.options.sede", 1, "bikes[0].options.sede", ["did you mean 'seed'?"]),
            (
                "bikes.0.options.faults.vanish_at",
                3,
                "bikes[0].options.faults.vanish_at",
                ["unknown key", "did you mean 'vanish_at_s'?"],
            ),
            ("thing_name", 5, "thing_name", ["got 5", "text in quotes"]),
            ("thing_name", "a/b", "thing_name", ["got 'a/b'", "only letters, digits and : _ -"]),
            ("cloud", "x", "cloud", ["got 'x'", "expected a table"]),
            ("cloud.endpoint", "", "cloud.endpoint", ["got ''", "at least 1 character"]),
            ("cloud.port", "eight", "cloud.port", ["got 'eight'", "expected a whole number"]),
            ("cloud.port", 0, "cloud.port", ["got 0", "expected at least 1"]),
            ("cloud.plaintext", "perhaps", "cloud.plaintext", ["got 'perhaps'", "true or false"]),
            ("cloud.topic", "a/#", "cloud.topic", ["got 'a/#'", "without +, #"]),
            ("cloud.results_topic", "a/#", "cloud.results_topic", ["got 'a/#'", "without +, #"]),
            ("cloud.results_topic", "1/2/3/4/5/6/7/8/9", "cloud.results_topic", ["at most 7"]),
            ("cloud.topic", "1/2/3/4/5/6/7/8/9", "cloud.topic", ["at most 7 slashes"]),
            ("cloud.publish_rate_per_s", 91, "cloud.publish_rate_per_s", ["got 91", "90"]),
            ("buffer.commit_interval_s", -1, "buffer.commit_interval_s", ["got -1", "0"]),
            (
                "cloud.results_topic",
                "alleycat-publish",
                "cloud.results_topic",
                ["'alleycat-publish' is cloud.topic", "expected the topic on which the backend"],
            ),
            ("race.offset_ms", -1, "race.offset_ms", ["got -1", "expected at least 0"]),
            (
                "race.offset_ms",
                1_577_836_800_001,
                "race.offset_ms",
                ["got 1577836800001", "expected at most 1577836800000"],
            ),
            ("race.length_s", 1.5, "race.length_s", ["got 1.5", "a whole number"]),
            ("bikes", [], "bikes", ["at least 1 item"]),
            ("bikes", {"id": "bike-1"}, "bikes", ["write [[bikes]] instead of [bikes]"]),
            ("state_dir", "a\0b", "state_dir", ["NUL"]),
            ("state_dir", "/" + "é" * 128, "state_dir", ["too long", "255 in each name"]),
            ("state_dir", "/x" * 2048, "state_dir", ["too long", "at most 4095 bytes"]),
            ("cloud.topic", "a\u0007b", "cloud.topic", ["control characters"]),
            ("cloud.endpoint", "mqtts://localhost", "cloud.endpoint", ["host name without scheme"]),
            ("cloud.endpoint", "localhost:8883", "cloud.endpoint", ["set the port as cloud.port"]),
            ("cloud.endpoint", "broker one", "cloud.endpoint", ["got 'broker one'", "hyphens"]),
            ("cloud.endpoint", "   ", "cloud.endpoint", ["hyphens"]),
            ("cloud.proxy", "proxy.lan", "cloud.proxy", ["got 'proxy.lan'", "http://HOST:PORT"]),
            ("cloud.address_family", "ipv5", "cloud.address_family", ["'auto', 'ipv4' or 'ipv6'"]),
            ("bikes.0.racer_id", "seven", "bikes[0].racer_id", ["got 'seven'", "a whole number"]),
            (
                "bikes.0.racer_id",
                9_007_199_254_740_992,
                "bikes[0].racer_id",
                ["got 9007199254740992", "expected at most 9007199254740991"],
            ),
            ("bikes.1.class_id", 7, "bikes[1].class_id", ["got 7", "expected at most 6"]),
            ("bikes.0.stale_after_s", 0, "bikes[0].stale_after_s", ["got 0", "more than 0"]),
            ("bikes.0.driver", "fkae", "bikes[0].driver", ["'fkae' is unknown", "fake, replay"]),
            ("bikes.0.options.seed", "x", "bikes[0].options.seed", ["got 'x'", "a whole number"]),
            ("bikes.1.options.wire", "ant", "bikes[1].options.wire", ["got 'ant'", "'peloton'"]),
            (
                "bikes.1.id",
                "bike-1",
                "bikes[1].id",
                ["'bike-1' appears twice", "expected a unique id"],
            ),
            (
                "bikes.0.options.faults.split_per_min",
                1,
                "bikes[0].options",
                ["split_per_min", "need a wire: ftms, peloton or lines"],
            ),
            (
                "bikes.0.calibration",
                [[0, 0], [5, 50], [9, 40]],
                "bikes[0].calibration",
                ["points (5, 50) and (9, 40)", "must either rise or fall"],
            ),
            ("bikes.0.calibration", [[0, 0]], "bikes[0].calibration", ["1 point", "at least 2"]),
            ("bikes.0.calibration", [[0, 0], 5], "bikes[0].calibration[1]", ["got 5", "tuple"]),
        ],
    )
    def test_wrong_value_is_refused_with_its_key_and_what_was_expected(
        self, file: Path, data: Data, path: str, value: object, key: str, what: list[str]
    ) -> None:
        put(data, path, value)
        found = problem(file, data)
        assert found.key == key
        for words in what:
            assert words in found.what

    @pytest.mark.parametrize(
        ("path", "key"),
        [
            ("thing_name", "thing_name"),
            ("cloud", "cloud"),
            ("cloud.endpoint", "cloud.endpoint"),
            ("bikes", "bikes"),
            ("bikes.1.racer_id", "bikes[1].racer_id"),
            ("bikes.0.driver", "bikes[0].driver"),
        ],
    )
    def test_missing_key_is_refused_with_what_was_expected(
        self, file: Path, data: Data, path: str, key: str
    ) -> None:
        *parents, last = path.split(".")
        table: Any = data
        for part in parents:
            table = table[int(part)] if part.isdigit() else table[part]
        del table[last]
        found = problem(file, data)
        assert found.key == key
        assert "missing" in found.what
        assert "expected" in found.what

    @pytest.mark.parametrize(
        "host", ["broker.example", "192.168.1.4", "0.0.0.0", "::", "localhost.example"]
    )
    def test_plaintext_to_another_machine_is_refused(
        self, file: Path, data: Data, host: str
    ) -> None:
        put(data, "cloud.endpoint", host)
        found = problem(file, data)
        assert found.key == "cloud"
        for words in ("plaintext", repr(host), "127.0.0.1, ::1 or localhost", "certificate_file"):
            assert words in found.what

    def test_several_wrong_values_are_all_listed(self, file: Path, data: Data) -> None:
        for path, value in [
            ("thing_name", 5),
            ("cloud.endpont", "x"),
            ("race.length_s", "long"),
            ("bikes.1.class_id", 0),
        ]:
            put(data, path, value)
        assert {problem.key for problem in problems(file, data)} == {
            "thing_name",
            "cloud.endpont",
            "race.length_s",
            "bikes[1].class_id",
        }

    def test_several_problems_of_files_drivers_and_ids_are_all_listed(
        self, file: Path, secure: Data, credentials: Credentials
    ) -> None:
        credentials.ca_file.unlink()
        credentials.certificate_file.write_text("nonsense")
        put(secure, "bikes.0.options", {"sede": 1, "wire": "ant"})
        secure["bikes"][1] = bike("bike-1") | {"driver": "fkae"}
        assert {problem.key for problem in problems(file, secure)} == {
            "cloud.ca_file",
            "cloud.certificate_file",
            "bikes[0].options.sede",
            "bikes[0].options.wire",
            "bikes[1].id",
            "bikes[1].driver",
        }

    def test_options_that_their_driver_cannot_check_are_a_problem_in_words(
        self, file: Path, data: Data
    ) -> None:
        put(data, "bikes.0.driver", "anonymous")
        put(data, "bikes.0.options", {})
        status = DriverStatus("anonymous", driver=cast(DriverType, Anonymous))
        with pytest.raises(ConfigError) as error:
            load_config(write(file, data), {**DRIVERS, "anonymous": status})
        (problem,) = error.value.problems
        assert problem.key == "bikes[0].options"
        assert problem.what == "driver 'anonymous' cannot check them: KeyError: 'serial number'"


class TestFile:
    @pytest.mark.parametrize(
        ("content", "what"),
        [
            (b"thing_name = ", "not TOML: Invalid value (at "),
            (b"[cloud]\nendpoint = 'x'\n\nport 1", "line 4"),
            (b"a = 1\na = 2", "not TOML"),
            (b"\xff\xfe", "not TOML"),
            (b"a = " + b"[" * 5000, "not TOML: lists or tables are nested more than 32 deep"),
            (b"[" + b"a." * 33 + b"a]", "not TOML: lists or tables are nested more than 32 deep"),
        ],
    )
    def test_file_that_is_not_toml_is_refused(self, file: Path, content: bytes, what: str) -> None:
        file.write_bytes(content)
        with pytest.raises(ConfigError) as raised:
            load_config(file, DRIVERS)
        assert raised.value.problems[0].key == "file"
        assert what in raised.value.problems[0].what

    @pytest.mark.parametrize(
        ("name", "what"),
        [
            ("gateway.toml", "No such file or directory; expected a TOML file"),
            (".", "not TOML: it is a directory; expected a file"),
        ],
    )
    def test_missing_config_or_directory_is_refused(
        self, tmp_path: Path, name: str, what: str
    ) -> None:
        with pytest.raises(ConfigError, match=what) as raised:
            load_config(tmp_path / name, DRIVERS)
        assert raised.value.file == tmp_path / name


class TestCredentials:
    """Mutual TLS only, with a key that nobody else can read."""

    def test_ca_file_may_be_absent_because_the_system_has_cas(
        self, file: Path, secure: Data
    ) -> None:
        del secure["cloud"]["ca_file"]
        write(file, secure)
        assert load_config(file, DRIVERS).cloud.ca_file is None

    @pytest.mark.parametrize("name", ["certificate_file", "private_key_file"])
    def test_pem_file_that_is_not_named_is_refused(
        self, file: Path, secure: Data, name: str
    ) -> None:
        del secure["cloud"][name]
        assert problem(file, secure).key == f"cloud.{name}"
        assert "missing; set it to the path of a PEM file" in problem(file, secure).what

    @pytest.mark.parametrize("name", PEM_FILES)
    @pytest.mark.parametrize(
        ("spoil", "what"),
        [
            (
                Path.unlink,
                "No such file or directory; expected a readable PEM file that contains a ",
            ),
            (lambda pem: (pem.unlink(), pem.mkdir()), "it is a directory; expected a file"),
            (lambda pem: pem.write_bytes(b"0\x82\x01\x0a"), "expected PEM (-----BEGIN … "),
            (lambda pem: pem.write_bytes(b""), "expected PEM (-----BEGIN … "),
        ],
        ids=["absent", "directory", "DER", "empty"],
    )
    def test_pem_file_that_is_absent_or_no_pem_is_refused(
        self,
        file: Path,
        secure: Data,
        credentials: Credentials,
        name: str,
        spoil: Callable[[Path], object],
        what: str,
    ) -> None:
        pem: Path = getattr(credentials, name)
        spoil(pem)
        found = problem(file, secure)
        assert found.key == f"cloud.{name}"
        assert str(pem) in found.what
        assert what in found.what

    def test_pem_path_that_cannot_be_looked_at_is_refused(self, file: Path, secure: Data) -> None:
        """As where a folder on the way is closed to this user."""
        put(secure, "cloud.private_key_file", "cert.pem/key.pem")
        found = problem(file, secure)
        assert found.key == "cloud.private_key_file"
        assert "Not a directory; expected a readable PEM file" in found.what

    def test_swapped_certificate_and_key_are_refused(self, file: Path, secure: Data) -> None:
        put(secure, "cloud.certificate_file", "key.pem")
        put(secure, "cloud.private_key_file", "cert.pem")
        certificate, key = problems(file, secure)
        assert "contains no certificate" in certificate.what
        assert "contains no private key" in key.what

    @pytest.mark.parametrize("mode", [0o400, 0o600, 0o640, 0o660])
    def test_private_key_for_owner_and_group_is_accepted(
        self, file: Path, secure: Data, credentials: Credentials, mode: int
    ) -> None:
        credentials.private_key_file.chmod(mode)
        assert load(file, secure).cloud.private_key_file == credentials.private_key_file

    @pytest.mark.parametrize("mode", [0o644, 0o604, 0o602, 0o666, 0o777])
    def test_private_key_open_to_everybody_is_refused(
        self, file: Path, secure: Data, credentials: Credentials, mode: int
    ) -> None:
        credentials.private_key_file.chmod(mode)
        found = problem(file, secure)
        assert found.key == "cloud.private_key_file"
        assert f"every user can access {credentials.private_key_file} (mode" in found.what
        assert f"(mode {mode:04o})" in found.what
        assert f"chmod 600 {credentials.private_key_file}" in found.what

    def test_open_private_key_is_listed_along_with_other_problems(
        self, file: Path, secure: Data, credentials: Credentials
    ) -> None:
        credentials.private_key_file.chmod(0o644)
        credentials.ca_file.unlink()
        assert [found.key for found in problems(file, secure)] == [
            "cloud.ca_file",
            "cloud.private_key_file",
        ]

    def test_private_key_of_another_certificate_is_refused(
        self, file: Path, secure: Data, credentials: Credentials, authority: Authority
    ) -> None:
        other = authority.issue("gateway-2").private_key_file
        credentials.private_key_file.write_bytes(other.read_bytes())
        found = problem(file, secure)
        assert found.key == "cloud.private_key_file"
        assert "expected the certificate's own key" in found.what

    def test_damaged_private_key_is_refused(
        self, file: Path, secure: Data, credentials: Credentials
    ) -> None:
        key = credentials.private_key_file
        key.write_text(key.read_text().replace("M", "N"))
        assert "copy the key again" in problem(file, secure).what

    @pytest.mark.parametrize("line_end", ["\n", ""])
    def test_private_key_is_never_repeated_in_an_error(
        self, file: Path, secure: Data, credentials: Credentials, line_end: str
    ) -> None:
        """The key pasted instead of its path."""
        lines = credentials.private_key_file.read_text().splitlines()
        put(secure, "cloud.private_key_file", line_end.join(lines))
        with pytest.raises(ConfigError) as raised:
            load(file, secure)
        assert not any(line in str(raised.value) for line in lines[1:-1])


class TestPaths:
    def test_paths_are_relative_to_the_config_file(
        self, file: Path, secure: Data, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.chdir("/")
        secure["state_dir"] = "var/state"
        put(secure, "bikes.0.driver", "replay")
        put(secure, "bikes.0.options", {"file": "rides/one.jsonl"})
        config = load(file, secure)
        here = file.parent
        assert config.state_dir == here / "var" / "state"
        assert config.cloud.private_key_file == here / "key.pem"
        assert config.bikes[0].options["file"] == here / "rides" / "one.jsonl"

    def test_knob_file_path_is_relative_to_the_config_file(self, file: Path, secure: Data) -> None:
        put(secure, "bikes.0.options", {"knob_file": "knob", "wire": "lines"})
        assert load(file, secure).bikes[0].options["knob_file"] == file.parent / "knob"

    def test_config_file_may_be_named_by_a_relative_path(
        self, file: Path, secure: Data, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        write(file, secure)
        monkeypatch.chdir(file.parent)
        config = load_config(Path(file.name), DRIVERS)
        assert config.cloud.ca_file == file.parent / "ca.pem"

    def test_absolute_paths_stay_as_they_are(self, file: Path, data: Data) -> None:
        data["state_dir"] = "/srv/state"
        assert load(file, data).state_dir == Path("/srv/state")


class TestEnvironment:
    @pytest.mark.parametrize(
        ("name", "value", "read"),
        [
            ("ALLEYCAT_THING_NAME", "gateway-9", lambda config: config.thing_name),
            ("ALLEYCAT_CLOUD__ENDPOINT", "localhost", lambda config: config.cloud.endpoint),
            ("ALLEYCAT_CLOUD__PORT", 1884, lambda config: config.cloud.port),
            ("ALLEYCAT_RACE__LENGTH_S", 60, lambda config: config.race.length_s),
        ],
    )
    def test_environment_overrides_the_config_file(
        self,
        file: Path,
        data: Data,
        monkeypatch: pytest.MonkeyPatch,
        name: str,
        value: object,
        read: Callable[[Config], object],
    ) -> None:
        monkeypatch.setenv(name, str(value))
        config = load(file, data)
        assert read(config) == value
        assert config.cloud.plaintext, "what is not overridden stays"

    @pytest.mark.parametrize(
        ("setting", "key", "what"),
        [
            (("ALLEYCAT_CLOUD__PORT", "eight"), "cloud.port", "got 'eight'"),
            (("ALLEYCAT_CLOUD__ENDPONT", "x"), "cloud.endpont", "did you mean 'endpoint'?"),
            (("ALLEYCAT_CLOUD", "x"), "cloud", ""),
            (("ALLEYCAT_BIKES", "fake"), "bikes", ""),
        ],
    )
    def test_environment_is_checked_like_the_config_file(
        self,
        file: Path,
        data: Data,
        monkeypatch: pytest.MonkeyPatch,
        setting: tuple[str, str],
        key: str,
        what: str,
    ) -> None:
        monkeypatch.setenv(*setting)
        found = problem(file, data)
        assert (found.key, found.variable) == (key, setting[0])
        assert what in found.what

    def test_environment_is_blamed_for_a_missing_file_of_its_own(
        self, file: Path, data: Data, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        del data["cloud"]["plaintext"]
        monkeypatch.setenv("ALLEYCAT_CLOUD__CA_FILE", "/none")
        with pytest.raises(ConfigError) as raised:
            load(file, data)
        assert f"{file} and the environment: " in str(raised.value)
        assert "environment variable ALLEYCAT_CLOUD__CA_FILE: /none: No such" in str(raised.value)


class TestShippedFile:
    """config/gateway.toml: every option, with its default where it has one."""

    shipped = tomllib.loads(SHIPPED.read_text(encoding="utf-8"))

    def test_shipped_config_misses_only_endpoint_and_certificates(self) -> None:
        with pytest.raises(ConfigError) as raised:
            load_config(SHIPPED, DRIVERS)
        assert [found.key for found in raised.value.problems] == [
            f"cloud.{name}" for name in ["endpoint", "certificate_file", "private_key_file"]
        ]

    @pytest.mark.parametrize(
        "model",
        [Config, ClockConfig, CloudConfig, BufferConfig, RaceConfig, MetricsConfig, BikeConfig,
         RiderConfig, WebConfig,
         FakeBikeOptions, FaultOptions, PotOptions, ReplayOptions, BleOptions, SerialOptions],
    )  # fmt: skip
    def test_shipped_config_names_every_option(self, model: type[BaseModel]) -> None:
        lines = [line.strip("#[] ") for line in SHIPPED.read_text(encoding="utf-8").splitlines()]
        for name in model.model_fields:
            assert any(
                line == name or line.startswith(f"{name} =") or line.endswith(f".{name}")
                for line in lines
            ), name

    @pytest.mark.parametrize(
        ("table", "model"),
        [
            (shipped["cloud"], CloudConfig),
            (shipped["buffer"], BufferConfig),
            (shipped["race"], RaceConfig),
            (shipped["metrics"], MetricsConfig),
            (shipped["web"], WebConfig),
            (shipped["bikes"][0]["options"], FakeBikeOptions),
            (shipped["bikes"][0]["options"]["faults"], FaultOptions),
            (shipped["bikes"][0]["options"]["pot"], PotOptions),
        ],
    )
    def test_shipped_config_shows_the_real_defaults(
        self, table: Data, model: type[BaseModel]
    ) -> None:
        for name, field in model.model_fields.items():
            if name in table and not field.is_required() and field.default is not None:
                shown = table[name]
                assert shown == field.default or isinstance(shown, dict), name


def machine(id_: str, driver: str, **options: object) -> Data:
    return bike(id_) | {"driver": driver, "options": options}


class TestSharedMachines:
    @pytest.mark.parametrize(
        ("one", "other", "machine_name"),
        [
            (
                machine("left", "ble", name="BIKE"),
                machine("right", "ble", name="BIKE", adapter="hci1"),
                "ble BIKE",
            ),
            (
                machine("left", "ble", address="c0:ff:ee:00:00:01"),
                machine("right", "ble", address="C0:FF:EE:00:00:01", protocol="ftms"),
                "ble C0:FF:EE:00:00:01",
            ),
            (
                machine("left", "ble", equipment_id=56),
                machine("right", "ble", equipment_id=56),
                "ble Keiser 56",
            ),
            (
                machine("left", "serial", port="/dev/ttyUSB0", protocol="peloton"),
                machine("right", "serial", port="/dev/ttyUSB0", protocol="lines"),
                "serial /dev/ttyUSB0",
            ),
            (
                machine("left", "ant", device_number=7),
                machine("right", "ant", device_number=7, heart_rate=8),
                "ant ant_fec 7",
            ),
        ],
        ids=["name", "address", "equipment id", "port", "device number"],
    )
    def test_two_bikes_of_one_machine_are_refused_with_both_names(
        self, file: Path, data: Data, one: Data, other: Data, machine_name: str
    ) -> None:
        data["bikes"] = [one, bike("fake-1"), other]
        found = problem(file, data)
        assert found.key == "bikes[2].options"
        assert f"'left' and 'right' are the same machine, {machine_name}; " in found.what

    def test_bikes_of_different_machines_and_several_fakes_are_accepted(
        self, file: Path, data: Data, tmp_path: Path
    ) -> None:
        (tmp_path / "ride.jsonl").touch()
        ride = str(tmp_path / "ride.jsonl")
        data["bikes"] = [
            bike("fake-1"),
            bike("fake-2"),
            machine("replay-1", "replay", file=ride),
            machine("replay-2", "replay", file=ride),
            machine("ble-1", "ble", name="BIKE"),
            machine("ble-2", "ble", name="BIKE 2"),
            machine("ant-1", "ant", device_number=7),
            machine("ant-2", "ant", device_number=7, protocol="ant_power"),
        ]
        assert len(load(file, data).bikes) == 8

    def test_bike_with_wrong_options_is_not_compared(self, file: Path, data: Data) -> None:
        wrong = machine("right", "ble", name="BIKE", protocol="x")
        data["bikes"] = [machine("left", "ble", name="BIKE"), wrong]
        assert problem(file, data).key == "bikes[1].options.protocol"


class TestWeb:
    @pytest.mark.parametrize("listen", ["localhost", "", "0.0.0.0:80", "*"])
    def test_listen_is_an_address(self, listen: str) -> None:
        with pytest.raises(ValidationError, match="expected an IP address"):
            WebConfig(listen=listen)

    @pytest.mark.parametrize("name", ["https://gym.example", "gym.example/bike", "gym..example"])
    def test_name_is_a_host_name(self, name: str) -> None:
        with pytest.raises(ValidationError, match="expected a host name"):
            WebConfig(names=(name,))

    @pytest.mark.parametrize(
        ("web", "expected"),
        [
            (WebConfig(), False),
            (WebConfig(listen="::1"), False),
            (WebConfig(listen="0.0.0.0"), True),
            (WebConfig(names=("gym.example",)), True),
        ],
    )
    def test_pages_are_reached_from_outside_by_address_or_name(
        self, web: WebConfig, expected: bool
    ) -> None:
        assert web.is_reached_from_outside is expected

    @pytest.mark.parametrize("listen", ["127.0.0.1", "127.0.0.2", "::1"])
    def test_name_of_pages_that_no_other_device_reaches_is_refused(
        self, file: Path, data: Data, listen: str
    ) -> None:
        data["web"] = {"listen": listen, "mdns": True}
        found = problem(file, data)
        assert found.key == "web.mdns"
        assert f"other devices cannot reach the pages at {listen}; expected " in found.what

    def test_name_of_pages_that_other_devices_reach_is_accepted(self) -> None:
        assert WebConfig(listen="0.0.0.0", mdns=True).mdns
        assert not WebConfig(listen="127.0.0.1", mdns=False).mdns

    def test_name_is_not_judged_if_the_address_is_wrong(self) -> None:
        with pytest.raises(ValidationError, match=r"^1 validation error"):
            WebConfig(listen="localhost", mdns=True)
