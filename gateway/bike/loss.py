"""The reason why a bike was lost, in one line, from whatever its driver raised. Pure."""

from pathlib import Path

from drivers import BikeLost
from gateway.terminal.printable import one_line

#: Characters. A longer text of an exception is cut: a state is shown in one line.
TEXT_MAX = 300


def cause_of(error: BaseException) -> BaseException:
    """Return the error within a group of one, as asyncio.TaskGroup raises it; else the error."""
    while isinstance(error, BaseExceptionGroup) and len(error.exceptions) == 1:
        error = error.exceptions[0]
    return error


def loss_reason(error: BaseException, driver: str) -> str:
    """Return why the bike was lost, in one line; for a bug of the driver, also where it is.

    `driver` is the driver's class, such as "udp_bike:UdpBike".
    """
    kind, text = type(error).__name__, _text(error)
    if isinstance(error, BikeLost):
        return text or f"{driver}: {kind} was raised without a text; expected the reason"
    what = f"{kind}: {text}" if text else f"{kind} without a text"
    return f"driver failed: {what}{_place(error, driver)}"


def _text(error: BaseException) -> str:
    try:
        text = one_line(str(error))
    # A third-party exception may fail to describe itself.
    except Exception:
        return ""
    return text if len(text) <= TEXT_MAX else f"{text[:TEXT_MAX]}…"


def _place(error: BaseException, driver: str) -> str:
    """Return the innermost line of the driver's own package in the traceback; empty if none is."""
    package = driver.partition(":")[0].partition(".")[0]
    place, step = "", error.__traceback__
    while step is not None:
        if step.tb_frame.f_globals.get("__name__", "").partition(".")[0] == package:
            file = Path(step.tb_frame.f_code.co_filename).name
            place = f" ({file}, line {step.tb_lineno})"
        step = step.tb_next
    return place
