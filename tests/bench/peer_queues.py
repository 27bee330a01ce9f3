"""The peers' durable queues behind one interface, and the disk's floor.

This runs in .venv-bench, where the peers are installed and the gateway is not. Each peer is used as
documented, and in its best setting; private names are only used to find out how it writes.

    .venv-bench/bin/python -m tests.bench.peer_queues SETUP --messages FILE --per-tick N \
        --directory EMPTY
"""

import asyncio
import logging
import os
from collections.abc import Callable
from importlib import import_module
from itertools import islice
from pathlib import Path
from threading import Event
from typing import Any

from tests.bench.queue_work import DurableQueue, Work, main

#: The names of SQLite's answers to `PRAGMA synchronous`.
SYNCHRONOUS = ("OFF", "NORMAL", "FULL", "EXTRA")
POLL_S = 0.001


class PlainFile(DurableQueue):
    """The floor: append and fdatasync; an acknowledgement is a file position in memory."""

    async def open(self, directory: Path, work: Work) -> None:
        self._out = (directory / "plain").open("ab")
        self._in = (directory / "plain").open("rb")

    async def put(self, tick: list[str]) -> None:
        self._out.write("".join(f"{message}\n" for message in tick).encode())
        self._out.flush()
        os.fdatasync(self._out.fileno())

    async def read(self, count: int) -> list[str]:
        return [line.decode().rstrip("\n") for line in islice(self._in, count)]

    async def acknowledge(self) -> None:
        return

    def mode(self) -> str:
        return "append, fdatasync"

    async def close(self) -> None:
        self._out.close()
        self._in.close()


class Thingsboard(DurableQueue):
    """The gateway's SQLite storage at its defaults: put into RAM, written by its thread."""

    package = "thingsboard-gateway"

    async def open(self, directory: Path, work: Work) -> None:
        module: Any = import_module("thingsboard_gateway.storage.sqlite.sqlite_event_storage")
        log: Any = logging.getLogger("thingsboard")
        log.setLevel(logging.CRITICAL)
        log.trace = log.debug  # a method of the gateway's own loggers
        config = {"data_file_path": f"{directory}/", **self.options(work)}
        self._storage = module.SQLiteEventStorage(config, log, Event())
        self._put = 0

    def options(self, work: Work) -> dict[str, int]:
        del work
        return {}

    async def put(self, tick: list[str]) -> None:
        for message in tick:
            assert self._storage.put(message)
        self._put += len(tick)

    async def settle(self) -> None:
        database = self._database
        # Its thread sends no signal when it has written.
        while database.db.connection.in_transaction or (  # noqa: ASYNC110
            database.get_stored_messages_count() < self._put
        ):
            await asyncio.sleep(POLL_S)

    async def read(self, count: int) -> list[str]:
        """Return a pack of the storage's own size: 1,000 messages."""
        while not (pack := self._storage.get_event_pack()):  # noqa: ASYNC110
            await asyncio.sleep(POLL_S)
        return list(pack)

    async def acknowledge(self) -> None:
        self._storage.event_pack_processing_done()

    @property
    def _database(self) -> Any:
        return self._storage._SQLiteEventStorage__write_database

    def mode(self) -> str:
        return sqlite_mode(self._database.db.connection.execute)

    async def close(self) -> None:
        database = self._database
        self._storage.stop()
        await asyncio.to_thread(database.join)


class ThingsboardTick(Thingsboard):
    """The same storage, whose thread commits the messages of a tick together."""

    def options(self, work: Work) -> dict[str, int]:
        return {"writing_batch_size": work.per_tick}


class PersistQueueAck(DurableQueue):
    """persist-queue's SQLite queue with acknowledgements, at its defaults."""

    package = "persist-queue"

    async def open(self, directory: Path, work: Work) -> None:
        self._queue: Any = import_module("persistqueue").SQLiteAckQueue(str(directory))
        self._read_ids: list[int] = []

    async def put(self, tick: list[str]) -> None:
        for message in tick:
            self._queue.put(message)

    async def read(self, count: int) -> list[str]:
        items = [self._queue.get(block=False, raw=True) for _ in range(count)]
        self._read_ids = [item["pqid"] for item in items]
        return [item["data"] for item in items]

    async def acknowledge(self) -> None:
        for id_ in self._read_ids:
            self._queue.ack(id=id_)
        self._queue.clear_acked_data(max_delete=len(self._read_ids), keep_latest=0)

    def mode(self) -> str:
        return sqlite_mode(self._queue._putter.execute)

    async def close(self) -> None:
        self._queue.close()


class PersistQueueSqlite(DurableQueue):
    """persist-queue's plain SQLite queue; auto_commit=False joins the deletes of what was read."""

    package = "persist-queue"

    async def open(self, directory: Path, work: Work) -> None:
        module: Any = import_module("persistqueue")
        self._queue = module.SQLiteQueue(str(directory), auto_commit=False)

    async def put(self, tick: list[str]) -> None:
        for message in tick:
            self._queue.put(message)

    async def read(self, count: int) -> list[str]:
        return [self._queue.get(block=False) for _ in range(count)]

    async def acknowledge(self) -> None:
        self._queue.task_done()

    def mode(self) -> str:
        return sqlite_mode(self._queue._putter.execute)

    async def close(self) -> None:
        self._queue.close()


class PersistQueueFile(DurableQueue):
    """persist-queue's file queue at its defaults: pickles, and a file with the position."""

    package = "persist-queue"

    async def open(self, directory: Path, work: Work) -> None:
        module: Any = import_module("persistqueue")
        self._queue = module.Queue(str(directory / "queue"), tempdir=str(directory))
        self._read = 0

    async def put(self, tick: list[str]) -> None:
        for message in tick:
            self._queue.put(message)

    async def read(self, count: int) -> list[str]:
        self._read = count
        return [self._queue.get(block=False) for _ in range(count)]

    async def acknowledge(self) -> None:
        for _ in range(self._read):
            self._queue.task_done()

    def mode(self) -> str:
        return f"fsync each {self._queue.chunksize} messages"

    async def close(self) -> None:
        del self._queue


class Litequeue(DurableQueue):
    """litequeue at its defaults: each put, pop and done is a transaction."""

    package = "litequeue"

    async def open(self, directory: Path, work: Work) -> None:
        self._queue: Any = import_module("litequeue").LiteQueue(directory / "queue.db")
        self._read_ids: list[str] = []

    async def put(self, tick: list[str]) -> None:
        for message in tick:
            self._queue.put(message)

    async def read(self, count: int) -> list[str]:
        messages = [self._queue.pop() for _ in range(count)]
        self._read_ids = [message.message_id for message in messages]
        return [message.data for message in messages]

    async def acknowledge(self) -> None:
        for id_ in self._read_ids:
            self._queue.done(id_)
        self._queue.prune()

    def mode(self) -> str:
        return sqlite_mode(self._queue.conn.execute)

    async def close(self) -> None:
        self._queue.close()


class LitequeueFull(Litequeue):
    """litequeue with fsync, and a transaction a tick where it allows one: not around pop."""

    async def open(self, directory: Path, work: Work) -> None:
        await super().open(directory, work)
        self._queue.conn.execute("PRAGMA synchronous = FULL")

    async def put(self, tick: list[str]) -> None:
        with self._queue.transaction():
            await super().put(tick)

    async def acknowledge(self) -> None:
        with self._queue.transaction():
            await super().acknowledge()


class Diskcache(DurableQueue):
    """diskcache.Deque at its defaults: each append and popleft is a transaction."""

    package = "diskcache"

    async def open(self, directory: Path, work: Work) -> None:
        self._deque: Any = import_module("diskcache").Deque(directory=str(directory))
        self._read = 0

    async def put(self, tick: list[str]) -> None:
        for message in tick:
            self._deque.append(message)

    async def read(self, count: int) -> list[str]:
        messages = list(islice(self._deque, count))
        self._read = len(messages)
        return messages

    async def acknowledge(self) -> None:
        for _ in range(self._read):
            self._deque.popleft()

    def mode(self) -> str:
        return sqlite_mode(self._deque.cache._sql)

    async def close(self) -> None:
        self._deque.cache.close()


class DiskcacheFull(Diskcache):
    """diskcache.Deque with fsync, and a transaction a tick."""

    async def open(self, directory: Path, work: Work) -> None:
        await super().open(directory, work)
        self._deque.cache.reset("sqlite_synchronous", SYNCHRONOUS.index("FULL"))

    async def put(self, tick: list[str]) -> None:
        with self._deque.transact():
            await super().put(tick)

    async def acknowledge(self) -> None:
        with self._deque.transact():
            await super().acknowledge()


def sqlite_mode(execute: Callable[[str], Any]) -> str:
    """Return journal and synchronous mode of an open connection, such as "WAL/FULL"."""
    (journal,) = tuple(execute("PRAGMA journal_mode").fetchone())
    (synchronous,) = tuple(execute("PRAGMA synchronous").fetchone())
    return f"{journal.upper()}/{SYNCHRONOUS[synchronous]}"


if __name__ == "__main__":
    main(
        {
            "plain-file": PlainFile,
            "thingsboard": Thingsboard,
            "thingsboard-tick": ThingsboardTick,
            "persist-queue-ack": PersistQueueAck,
            "persist-queue-sqlite": PersistQueueSqlite,
            "persist-queue-file": PersistQueueFile,
            "litequeue": Litequeue,
            "litequeue-full": LitequeueFull,
            "diskcache": Diskcache,
            "diskcache-full": DiskcacheFull,
        }
    )
