"""The addresses of a host name, looked up on a thread that nothing waits for."""

import asyncio
import socket
import threading
from concurrent.futures import Future
from typing import Any

#: The part of an IPv6 socket address that names its network interface.
_SCOPE = 3


async def look_up(host: str, port: int, family: int = socket.AF_UNSPEC) -> list[tuple[int, str]]:
    """Return the addresses of a host as (family, address). Raises socket.gaierror.

    With a resolver that is silent, the system's call lasts a minute and cannot be cancelled. On a
    thread of the event loop, it would make the end of the program wait.
    """
    answer: Future[list[tuple[int, str]]] = Future()
    answer.set_running_or_notify_cancel()  # a caller that gives up does not end the thread

    def work() -> None:
        try:
            found = socket.getaddrinfo(host, port, family, socket.SOCK_STREAM)
            answer.set_result([(number, _text(address)) for number, *_, address in found])
        except Exception as error:
            answer.set_exception(error)

    threading.Thread(target=work, name=f"look up {host}", daemon=True).start()
    return await asyncio.wrap_future(answer)


def _text(address: tuple[Any, ...]) -> str:
    scope = address[_SCOPE] if len(address) > _SCOPE else 0
    return f"{address[0]}%{scope}" if scope else str(address[0])
