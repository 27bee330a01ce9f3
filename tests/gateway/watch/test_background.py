"""Errors that no call awaits are reported in one line, once."""

import asyncio

from gateway.watch.background import report_background_errors

DRIVER = f"{__name__}:Bike"


def fail() -> None:
    raise KeyError("power")


async def test_error_in_a_callback_is_reported_once_with_its_line() -> None:
    reported: list[str] = []
    report_background_errors(DRIVER, reported.append)
    for _ in range(3):
        asyncio.get_running_loop().call_soon(fail)
    await asyncio.sleep(0)
    (text,) = reported
    assert text.startswith(
        "a background task or callback of the driver reported: driver failed: KeyError: 'power' "
        "(test_background.py"
    )


async def test_trouble_without_an_exception_is_reported_by_its_message() -> None:
    reported: list[str] = []
    report_background_errors(DRIVER, reported.append)
    asyncio.get_running_loop().call_exception_handler({"message": "socket\nnot closed"})
    assert reported == ["a background task or callback of the driver reported: socket not closed"]
