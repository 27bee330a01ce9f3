"""Browsers of the bench: open pages, or a flood of requests, until the process is ended.

python -m tests.bench.web_client tabs|flood PORT CONNECTIONS
"""

import asyncio
import sys

READ_BYTES = 64 * 1024


async def _open_page(port: int) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(b"GET /events?page=rider HTTP/1.1\r\nHost: localhost\r\n\r\n")
    while await reader.read(READ_BYTES):
        pass


async def _flood(port: int) -> None:
    while True:
        try:
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
            while True:
                writer.write(b"GET /status.json HTTP/1.1\r\nHost: localhost\r\n\r\n")
                head = await reader.readuntil(b"\r\n\r\n")
                length = head.lower().partition(b"content-length: ")[2].partition(b"\r")[0]
                await reader.readexactly(int(length))
        except (OSError, EOFError, ValueError):
            await asyncio.sleep(0)


async def main(kind: str, port: int, connections: int) -> None:
    """Run the clients of this kind forever."""
    run = {"tabs": _open_page, "flood": _flood}[kind]
    await asyncio.gather(*(run(port) for _ in range(connections)))


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], int(sys.argv[2]), int(sys.argv[3])))
