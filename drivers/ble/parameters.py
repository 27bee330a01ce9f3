"""Connection parameters that some bikes request and BlueZ refuses, so that they disconnect.

Only the kernel can change them on a live link, so BlueZ's own `hcitool` does it, which needs the
capability CAP_NET_ADMIN. Without it such a bike drops its link every 30 s and is reconnected.

Source: ptx2/gymnasticon src/bikes/flywheel.js, ic4.js; BlueZ tools/hcitool.c.
"""

import asyncio
import re

from drivers.contract import Clock

#: Timeout of one run of hcitool, in seconds.
HCITOOL_S = 5.0

#: The values that the Flywheel requests: intervals in units of 1.25 ms, the timeout in 10 ms.
_PARAMETERS = ("--min", "16", "--max", "60", "--latency", "0", "--timeout", "400")


async def update_parameters(address: str, clock: Clock) -> None:
    """Set the parameters of the link to `address`. Raises OSError with a remedy."""
    links = await _hcitool(clock, "con")
    found = re.search(rf"{address} handle (\d+)", links, re.IGNORECASE)
    if found is None:
        raise OSError(f"hcitool lists no link to {address}")
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
    # hcitool exits with 0 even if it failed; only its output shows the error.
    if process.returncode != 0 or "Could not" in text or "ermitted" in text:
        raise OSError(
            f"hcitool {arguments[0]}: {text}; it needs CAP_NET_ADMIN: run "
            "`sudo setcap cap_net_admin,cap_net_raw+eip $(which hcitool)`"
        )
    return text
