"""Drivers of somebody else, registered by an entry point as pip does it, without pip."""

from pathlib import Path


def register_plugin(site: Path, name: str, source: str, class_name: str) -> None:
    """Write a module with a driver into `site`, registered as `name`."""
    module = f"{name}_driver"
    (site / f"{module}.py").write_text(source, encoding="utf-8")
    info = site / f"{module}-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {module}\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text(
        f"[alleycat_gateway.drivers]\n{name} = {module}:{class_name}\n"
    )


#: A driver whose option `habit` names what it does badly.
RUDE_DRIVER = """
import asyncio
import sys
from contextlib import asynccontextmanager

from drivers import BikeLost, DriverOptions, Frame, FrameSource, Reading, ignore_frame


class RudeOptions(DriverOptions):
    habit: str

    @property
    def who(self):
        return {"who": self.habit}["who" if self.habit != "anonymous" else "x"]


class RudeBike(FrameSource):
    Options = RudeOptions
    stale_after_s = 3.0

    def __init__(self, options, clock):
        self.habit, self.clock = options.habit, clock

    @asynccontextmanager
    async def open_bike(self, on_frame=ignore_frame):
        try:
            yield self.readings(on_frame)
        finally:
            if self.habit == "clings":
                await asyncio.Event().wait()

    async def readings(self, on_frame):
        now_ns = self.clock.monotonic_ns()
        yield Reading(now_ns, cadence_rpm=80)
        await asyncio.sleep(0.1)
        if self.habit == "text":
            yield Reading(self.clock.monotonic_ns(), cadence_rpm="abc")
        elif self.habit == "past":
            yield Reading(now_ns - 1, cadence_rpm=80)
        elif self.habit == "speechless":
            raise BikeLost
        elif self.habit == "bug":
            raise KeyError("x")
        elif self.habit == "exit":
            sys.exit("no licence")
        elif self.habit == "callback":
            asyncio.get_running_loop().call_soon(lambda: 1 / 0)
        await asyncio.sleep(100)
"""
