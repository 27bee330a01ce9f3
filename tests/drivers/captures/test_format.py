"""The capture format: what was recorded is what is read back, and what is wrong is named."""

import json
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from drivers import Frame
from drivers.captures.format import (
    BikeCapture,
    CapturedFrame,
    CaptureError,
    CountedTurns,
    TimedNote,
    encode_capture,
    encode_device,
    encode_frame,
    encode_header,
    encode_note,
    encode_turns,
    load_capture,
    load_raw_capture,
    single_protocol_capture,
)
from drivers.survey import DeviceInventory, GattCharacteristic

NS_PER_S = 1_000_000_000
HEADER = '{"alleycat_capture": 1, "protocol": "ftms"}'
NEW_HEADER = '{"alleycat_capture": 2}'
#: The a-umlaut is of two bytes, which a cut may separate.
LAST_LINE = '{"t_s": 1, "note": "schräg"}'.encode()
INDOOR_BIKE_DATA = "00002ad2-0000-1000-8000-00805f9b34fb"


@pytest.fixture(scope="session")
def file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("captures") / "ride.jsonl"


class TestJsonLines:
    def test_capture_of_version_1_is_read_as_before(self, file: Path) -> None:
        file.write_text(
            '{"alleycat_capture": 1, "protocol": "ftms", "note": "Schwinn IC4"}\n'
            '{"t_s": 0, "hex": "00"}\n'
            "\n"
            '{"t_s": 0.5, "hex": "01", "sent": true}\n'
            '{"t_s": 1.25, "hex": "44 02 5e0bf0007a0054"}\n'
        )
        frames = (
            Frame(0, b"\0"),
            Frame(500_000_000, b"\1", sent=True),
            Frame(1_250_000_000, bytes.fromhex("44025e0bf0007a0054")),
        )
        assert load_capture(file) == BikeCapture(
            ("ftms",), tuple(CapturedFrame("ftms", frame) for frame in frames), "Schwinn IC4"
        )

    def test_capture_of_several_protocols_keeps_each_frame_with_its_own(self, file: Path) -> None:
        file.write_text(
            '{"alleycat_capture": 2, "note": "combo"}\n'
            f'{{"t_s": 0, "hex": "01", "protocol": "ftms", "characteristic": "{INDOOR_BIKE_DATA}"}}'
            '\n{"t_s": 1, "hex": "02", "protocol": "heart_rate"}\n'
            '{"t_s": 1, "hex": "03"}\n'
            '{"t_s": 2, "hex": "04", "protocol": "ftms", "sent": true}\n'
        )
        assert load_capture(file) == BikeCapture(
            ("ftms", "heart_rate"),
            (
                CapturedFrame("ftms", Frame(0, b"\1", characteristic=INDOOR_BIKE_DATA)),
                CapturedFrame("heart_rate", Frame(NS_PER_S, b"\2")),
                CapturedFrame("", Frame(NS_PER_S, b"\3")),
                CapturedFrame("ftms", Frame(2 * NS_PER_S, b"\4", sent=True)),
            ),
            "combo",
        )

    def test_survey_of_a_device_is_read_back_as_it_was_recorded(self, file: Path) -> None:
        device = DeviceInventory(
            "FS-1",
            (
                GattCharacteristic("180a", "2a29", ("read",), b"maker"),
                GattCharacteristic("fff0", "fff1", ("notify", "write")),
            ),
        )
        frame = Frame(NS_PER_S, b"\1\2", characteristic="fff1")
        turns, note = CountedTurns(10, 30, 21), TimedNote(55.5, "turn the knob")
        lines = (
            encode_header("mine"),
            encode_device(device, 0),
            encode_frame("", frame, 0),
            encode_note(note),
            encode_turns(turns),
        )
        file.write_text("\n".join(lines))
        assert load_capture(file) == BikeCapture(
            (), (CapturedFrame("", frame),), "mine", device, (turns,), (note,)
        )
        assert turns.rpm == 63

    @given(
        st.text(min_size=1),
        st.text(),
        st.lists(
            st.tuples(
                st.integers(0, 10**12), st.binary(max_size=40), st.booleans(), st.text(max_size=4)
            ),
            min_size=1,
        ).map(sorted),
    )
    def test_capture_is_read_back_as_it_was_recorded(
        self, file: Path, protocol: str, note: str, recorded: list[tuple[int, bytes, bool, str]]
    ) -> None:
        """To the microsecond, with times from the first frame on."""
        frames = [Frame(us * 1000, data, sent, where) for us, data, sent, where in recorded]
        file.write_text("\n".join(encode_capture(protocol, frames, note)), encoding="utf-8")
        played = [replace(frame, at_ns=frame.at_ns - frames[0].at_ns) for frame in frames]
        assert load_capture(file) == replace(single_protocol_capture(protocol, played), note=note)

    def test_capture_has_one_json_object_per_line(self) -> None:
        frames = [Frame(5 * NS_PER_S, b"\xf1\x41"), Frame(6 * NS_PER_S + 500_000_000, b"")]
        assert [json.loads(line) for line in encode_capture("peloton", frames, "a note")] == [
            {"alleycat_capture": 2, "note": "a note"},
            {"t_s": 0, "hex": "f141", "protocol": "peloton"},
            {"t_s": 1.5, "hex": "", "protocol": "peloton"},
        ]

    @pytest.mark.parametrize(
        ("content", "complaint"),
        [
            ("", r"ride.jsonl: the file is empty; expected a header line"),
            ("hello", r"ride.jsonl:1: not JSON"),
            ("[1]", r"ride.jsonl:1: expected a JSON object"),
            ("{}", r"ride.jsonl:1: not a capture header; expected"),
            ('{"alleycat_capture": true}', r"ride.jsonl:1: not a capture header"),
            (
                '{"alleycat_capture": 3}',
                r"ride.jsonl:1: not a capture header .* has version 3, expected at most 2; update",
            ),
            (f'{HEADER}\n{{"t_s": 1, "note": "a note"}}', r"ride.jsonl:2: expected"),
            (f'{NEW_HEADER}\n{{"t_s": 1}}', r"ride.jsonl:2: expected .* a device, turns or a note"),
            (f'{NEW_HEADER}\n{{"t_s": 1, "device": {{}}}}', r"ride.jsonl:2: expected"),
            (f'{NEW_HEADER}\n{{"t_s": 9, "until_s": 9, "turns": 2}}', r":2: expected .*until_s"),
            (f'{NEW_HEADER}\n{{"t_s": 9, "until_s": 19, "turns": -2}}', r":2: expected .*at least"),
            *(
                (f'{NEW_HEADER}\n{{"t_s": {line}}}', r":2: expected .*1 … 1000 rpm")
                for line in (
                    '0, "until_s": Infinity, "turns": 20',
                    '0, "until_s": 1e308, "turns": 20',
                    '0, "until_s": 1e308, "turns": 1e308',
                    '-Infinity, "until_s": 20, "turns": 20',
                    '-10, "until_s": 10, "turns": 20',
                    'NaN, "until_s": 20, "turns": 20',
                    '0, "until_s": 20, "turns": 1e308',
                    '0, "until_s": 20, "turns": 400',
                    '0, "until_s": 20, "turns": Infinity',
                    '0, "until_s": 20, "turns": NaN',
                    '0, "until_s": 20, "turns": 1e-320',
                    '0, "until_s": 5e-324, "turns": 20',
                )
            ),
            ("[" * 100_000, r"ride.jsonl:1: not JSON"),
            ('{"alleycat_capture": 1, "protocol": 5}', r"ride.jsonl:1: not a capture header"),
            (f"{HEADER}\n\nhello\n", r"ride.jsonl:3: not JSON"),
            (f'{HEADER}\n{{"hex": "00"}}', r"ride.jsonl:2: expected \{\"t_s\": seconds"),
            (f'{HEADER}\n{{"t_s": 0}}', r"ride.jsonl:2: expected"),
            (f'{HEADER}\n{{"t_s": "x", "hex": "00"}}', r"ride.jsonl:2: expected"),
            (f'{HEADER}\n{{"t_s": NaN, "hex": "00"}}', r"ride.jsonl:2: expected"),
            (f'{HEADER}\n{{"t_s": 1e999, "hex": "00"}}', r"ride.jsonl:2: expected"),
            (f'{HEADER}\n{{"t_s": 0, "hex": "0"}}', r"ride.jsonl:2: expected"),
            (f'{HEADER}\n{{"t_s": 0, "hex": 5}}', r"ride.jsonl:2: expected"),
            (
                f'{HEADER}\n\n{{"t_s": 2, "hex": "00"}}\n{{"t_s": 1, "hex": "00"}}',
                r"ride.jsonl:4: t_s is earlier",
            ),
        ],
    )
    def test_capture_error_names_the_place_of_the_fault(
        self, file: Path, content: str, complaint: str
    ) -> None:
        file.write_text(content, encoding="utf-8")
        with pytest.raises(CaptureError, match=complaint):
            load_capture(file)

    def test_bytes_that_are_no_text_are_no_capture(self, file: Path) -> None:
        file.write_bytes(b"\xf1\x41\x03\xff\xfe")
        with pytest.raises(CaptureError, match=r"ride.jsonl: .*expected"):
            load_capture(file)

    def test_byte_order_mark_of_an_editor_is_no_part_of_the_header(self, file: Path) -> None:
        file.write_text(f'{HEADER}\n{{"t_s": 0, "hex": "00"}}\n', encoding="utf-8-sig")
        assert len(load_capture(file).frames) == 1

    @pytest.mark.parametrize("size_bytes", range(1, len(LAST_LINE)))
    def test_last_line_that_is_cut_is_left_out(self, file: Path, size_bytes: int) -> None:
        """As after a power cut, at any byte."""
        file.write_bytes(
            f'{NEW_HEADER}\n{{"t_s": 0, "hex": "00"}}\n'.encode() + LAST_LINE[:size_bytes]
        )
        capture = load_capture(file)
        assert capture.is_cut
        assert [one.frame for one in capture.frames] == [Frame(0, b"\0")]
        assert capture.notes == ()

    @pytest.mark.parametrize("tail", [bytes(4096), LAST_LINE[:9] + bytes(512)], ids=len)
    def test_blocks_that_were_never_written_are_a_cut(self, file: Path, tail: bytes) -> None:
        file.write_bytes(f'{NEW_HEADER}\n{{"t_s": 0, "hex": "00"}}\n'.encode() + tail)
        capture = load_capture(file)
        assert (len(capture.frames), capture.is_cut) == (1, True)

    @pytest.mark.parametrize("end", [b"", b"\n", b"\r\n"], ids=repr)
    def test_last_line_that_is_whole_is_kept(self, file: Path, end: bytes) -> None:
        file.write_bytes(f"{NEW_HEADER}\n".encode() + LAST_LINE + end)
        capture = load_capture(file)
        assert (capture.notes, capture.is_cut) == ((TimedNote(1, "schräg"),), False)

    @pytest.mark.parametrize(
        ("tail", "complaint"),
        [
            ('{"t_s": 0, "he\n{"t_s": 1, "hex": "00"}', r"ride.jsonl:2: not JSON"),
            ('{"t_s": 0, "he\n', r"ride.jsonl:2: not JSON"),
            ('{"t_s": 0}', r"ride.jsonl:2: expected"),
        ],
    )
    def test_other_line_with_a_fault_is_refused(
        self, file: Path, tail: str, complaint: str
    ) -> None:
        file.write_text(f"{NEW_HEADER}\n{tail}")
        with pytest.raises(CaptureError, match=complaint):
            load_capture(file)

    def test_missing_capture_is_a_file_not_found_error(self, tmp_path: Path) -> None:
        with pytest.raises(FileNotFoundError):
            load_capture(tmp_path / "none.jsonl")


class TestRaw:
    @given(st.binary(max_size=500), st.floats(0.5, 10_000))
    def test_raw_capture_has_every_byte_once_in_order(
        self, file: Path, data: bytes, bytes_per_s: float
    ) -> None:
        file.write_bytes(data)
        capture = load_raw_capture(file, "peloton", bytes_per_s)
        assert capture.protocols == ("peloton",)
        assert b"".join(frame.data for _, frame in capture.frames) == data
        assert all(frame.data for _, frame in capture.frames)

    @pytest.mark.parametrize(
        ("bytes_per_s", "size", "period_s"), [(130, 13, 0.1), (1000, 100, 0.1), (2, 1, 0.5)]
    )
    def test_raw_capture_frames_are_evenly_spaced(
        self, file: Path, bytes_per_s: float, size: int, period_s: float
    ) -> None:
        file.write_bytes(bytes(size * 5))
        assert load_raw_capture(file, "peloton", bytes_per_s).frames == tuple(
            CapturedFrame("peloton", Frame(round(number * period_s * NS_PER_S), bytes(size)))
            for number in range(5)
        )
