"""Driver `replay`: plays a capture file through its real protocol, at the recorded pace."""

from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import aclosing, asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Annotated

from pydantic import Field, field_validator

from drivers.captures.decoders import CaptureDecoders
from drivers.captures.format import BikeCapture, CaptureError, load_capture, load_raw_capture
from drivers.contract import (
    BikeLost,
    Clock,
    DriverOptions,
    FrameListener,
    FrameSource,
    ignore_frame,
)
from drivers.protocols import PROTOCOLS
from drivers.reading import Reading


class ReplayOptions(DriverOptions):
    """`file`: `.jsonl` or raw `.bin`. The other two are for `.bin`, which does not contain them.

    A Peloton's line carries about 130 bytes a second: ten requests of 4 bytes, and their answers.
    """

    file: Path
    protocol: str = "peloton"
    bytes_per_s: Annotated[float, Field(gt=0)] = 130.0

    @property
    def who(self) -> str:
        return str(self.file)

    @field_validator("protocol")
    @classmethod
    def _known_protocol(cls, protocol: str) -> str:
        if protocol not in PROTOCOLS:
            raise ValueError(f"expected one of: {', '.join(PROTOCOLS)}")
        return protocol

    @field_validator("file")
    @classmethod
    def _known_format(cls, file: Path) -> Path:
        if file.suffix not in (".jsonl", ".bin"):
            raise ValueError("expected a .jsonl capture or a raw .bin capture")
        return file


class Replay(FrameSource):
    """A bike that replays a capture. It is lost if the file cannot be read, and at its end."""

    Options = ReplayOptions

    def __init__(self, options: ReplayOptions, clock: Clock) -> None:
        self._options = options
        self._clock = clock
        self.stale_after_s = PROTOCOLS[options.protocol].stale_after_s

    @asynccontextmanager
    async def open_bike(
        self, on_frame: FrameListener = ignore_frame
    ) -> AsyncIterator[AsyncIterator[Reading]]:
        try:
            capture = self._load()
        except (OSError, CaptureError) as error:
            raise BikeLost(f"the capture cannot be read: {error}") from error
        self.stale_after_s = PROTOCOLS[self._main_protocol(capture)].stale_after_s
        async with aclosing(self._play(capture, on_frame)) as readings:
            yield readings

    def _load(self) -> BikeCapture:
        options = self._options
        if options.file.suffix == ".bin":
            return load_raw_capture(options.file, options.protocol, options.bytes_per_s)
        return load_capture(options.file)

    def _main_protocol(self, capture: BikeCapture) -> str:
        """Return the protocol of the capture with the most values. Raises BikeLost without one."""
        unknown = [name for name in capture.protocols if name not in PROTOCOLS]
        known = ", ".join(PROTOCOLS)
        if unknown:
            raise BikeLost(
                f"{self._options.file}: protocol {unknown[0]!r} is unknown; "
                f"expected one of: {known}"
            )
        if not capture.protocols:
            raise BikeLost(
                f"{self._options.file} contains no frame of a known protocol; "
                f"`alleycat-gateway decode --guess {self._options.file}` shows which protocols fit"
            )
        return next(name for name in PROTOCOLS if name in capture.protocols)

    async def _play(
        self, capture: BikeCapture, on_frame: FrameListener
    ) -> AsyncGenerator[Reading, None]:
        decoders = CaptureDecoders()
        start_ns = self._clock.monotonic_ns()
        for protocol, frame in capture.frames:
            at_ns = start_ns + frame.at_ns
            await self._clock.sleep_until(at_ns)
            heard = replace(frame, at_ns=at_ns)
            on_frame(protocol, heard)
            for reading in decoders.feed(protocol, heard):
                yield replace(reading, source=protocol)
        raise BikeLost(f"the capture {self._options.file} has ended")
