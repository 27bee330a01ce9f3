"""Errors that a driver raises outside of the calls that await it, in one line each."""

import asyncio
from collections.abc import Callable, Mapping

from gateway.bike.loss import cause_of, loss_reason
from gateway.terminal.printable import one_line


def report_background_errors(driver: str, report: Callable[[str], None]) -> None:
    """Report each error in a callback or task of the running loop once, without its traceback.

    `driver` is the driver's class, such as "udp_bike:UdpBike". asyncio itself would write the
    traceback to stderr, each time.
    """
    reported: set[str] = set()

    def handle(_: asyncio.AbstractEventLoop, context: Mapping[str, object]) -> None:
        error = context.get("exception")
        if isinstance(error, BaseException):
            text = loss_reason(cause_of(error), driver)
        else:
            text = one_line(str(context["message"]))
        if text not in reported:
            reported.add(text)
            report(f"a background task or callback of the driver reported: {text}")

    asyncio.get_running_loop().set_exception_handler(handle)
