"""The connection parameters that some bikes ask for and BlueZ refuses; they hang up over it.

Only the kernel can change them on a live link, so this is left to BlueZ's own `hcitool`, which
needs the capability CAP_NET_ADMIN. Without it such a bike drops its link every 30 s and is
connected again.

Source: ptx2/gymnasticon src/bikes/flywheel.js, ic4.js; BlueZ tools/hcitool.c.
"""

import asyncio
import re

from drivers.contract import Clock

HCITOOL_S = 5.0

#: Interval in 1.25 ms, time-out in 10 ms: what the Flywheel asks for.
_PARAMETERS = ("--min", "16", "--max", "60", "--latency", "0", "--timeout", "400")


async def update_parameters(address: str, clock: Clock) -> None:
    """Of the link to `address`. Raises OSError with what to do about it."""
    links = await _hcitool(clock, "con")
    found = re.search(rf"{address} handle (\d+)", links, re.IGNORECASE)
    if found is None:
        raise OSError(f"hcitool knows no link to {address}")
    await _hcitool(clock, "lecup", "--handle", found[1], *_PARAMETERS)


async def _hcitool(clock: Clock, *arguments: str) -> str:
    process = await asyncio.create_subprocess_exec(
        "hcitool", *arguments, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT
    )
    try:
        async with clock.timeout(HCITOOL_S):
            output, _ = await process.communicate()
    except TimeoutError as error:
        process.kill()
        await process.wait()
        raise OSError("hcitool did not answer") from error
    text = output.decode(errors="replace").strip()
    # It exits with 0 whatever happened, and says what went wrong.
    if process.returncode != 0 or "Could not" in text or "ermitted" in text:
        raise OSError(
            f"hcitool {arguments[0]}: {text}; it needs CAP_NET_ADMIN: "
            "sudo setcap cap_net_admin,cap_net_raw+eip $(which hcitool)"
        )
    return text
