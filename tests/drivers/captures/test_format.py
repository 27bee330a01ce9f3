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
    CaptureError,
    encode_capture,
    load_capture,
    load_raw_capture,
)

NS_PER_S = 1_000_000_000
HEADER = '{"alleycat_capture": 1, "protocol": "ftms"}'


@pytest.fixture(scope="session")
def file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("captures") / "ride.jsonl"


class TestJsonLines:
    def test_documented_capture_example_is_read(self, file: Path) -> None:
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
        assert load_capture(file) == BikeCapture("ftms", frames, "Schwinn IC4")

    @given(
        st.text(min_size=1),
        st.text(),
        st.lists(st.tuples(st.integers(0, 10**12), st.binary(max_size=40), st.booleans())).map(
            sorted
        ),
    )
    def test_capture_is_read_back_as_it_was_recorded(
        self, file: Path, protocol: str, note: str, recorded: list[tuple[int, bytes, bool]]
    ) -> None:
        """To the microsecond, with times from the first frame on."""
        frames = [Frame(us * 1000, data, sent) for us, data, sent in recorded]
        file.write_text("\n".join(encode_capture(protocol, frames, note)), encoding="utf-8")
        first_ns = frames[0].at_ns if frames else 0
        played = tuple(replace(frame, at_ns=frame.at_ns - first_ns) for frame in frames)
        assert load_capture(file) == BikeCapture(protocol, played, note)

    def test_capture_has_one_json_object_per_line(self) -> None:
        frames = [Frame(5 * NS_PER_S, b"\xf1\x41"), Frame(6 * NS_PER_S + 500_000_000, b"")]
        assert [json.loads(line) for line in encode_capture("peloton", frames, "a note")] == [
            {"alleycat_capture": 1, "protocol": "peloton", "note": "a note"},
            {"t_s": 0, "hex": "f141"},
            {"t_s": 1.5, "hex": ""},
        ]

    @pytest.mark.parametrize(
        ("content", "complaint"),
        [
            ("", r"ride.jsonl: the file is empty; expected a header line"),
            ("hello", r"ride.jsonl:1: not JSON"),
            ("[1]", r"ride.jsonl:1: expected a JSON object"),
            ("{}", r"ride.jsonl:1: not a capture header; expected"),
            ('{"alleycat_capture": 2, "protocol": "ftms"}', r"ride.jsonl:1: not a capture header"),
            ('{"alleycat_capture": 1, "protocol": 5}', r"ride.jsonl:1: not a capture header"),
            (f"{HEADER}\n\nhello", r"ride.jsonl:3: not JSON"),
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
        assert capture.protocol == "peloton"
        assert b"".join(frame.data for frame in capture.frames) == data
        assert all(frame.data for frame in capture.frames)

    @pytest.mark.parametrize(
        ("bytes_per_s", "size", "period_s"), [(130, 13, 0.1), (1000, 100, 0.1), (2, 1, 0.5)]
    )
    def test_raw_capture_frames_are_evenly_spaced(
        self, file: Path, bytes_per_s: float, size: int, period_s: float
    ) -> None:
        file.write_bytes(bytes(size * 5))
        assert load_raw_capture(file, "peloton", bytes_per_s).frames == tuple(
            Frame(round(number * period_s * NS_PER_S), bytes(size)) for number in range(5)
        )
