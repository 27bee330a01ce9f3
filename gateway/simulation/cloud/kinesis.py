"""Kinesis on this computer: moto with one stream, in a child process.

The child process keeps moto's work off the gateways' event loop. It exits with the demo, even if
the demo is killed: it reads its standard input, which closes with this process.
"""

import logging
import os
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError
from botocore.session import Session

from gateway.simulation.cloud.parent import print_for_parent
from gateway.simulation.cloud.rule import KinesisRecord
from gateway.simulation.extra import LOOPBACK

#: Limits of one PutRecords call (Kinesis API reference).
MAX_BATCH_RECORDS = 500
MAX_BATCH_BYTES = 5_242_880

#: Pauses before each retry of a put, in seconds. Throttling passes within these few; a lost server
#: does not come back.
RETRY_WAITS_S = (0.1, 0.2, 0.4)


class Kinesis:
    """A client of one stream, usable from several threads. Created by `open_kinesis`."""

    def __init__(self, client: Any, stream: str) -> None:
        self._client = client
        self._stream = stream

    def put(self, records: Sequence[KinesisRecord]) -> dict[int, str]:
        """Put the records in order; return the reason of each final failure, by index.

        A record that needed a retry is stored behind those that succeeded before it: as in AWS, the
        order within a shard is the order of arrival.
        """
        failed: dict[int, str] = {}
        for batch in _batches(records):
            failures = self._put_batch(batch)
            for wait_s in RETRY_WAITS_S:
                if not failures:
                    break
                time.sleep(wait_s)
                failures = self._put_batch({index: batch[index] for index in failures})
            failed |= failures
        return failed

    def _put_batch(self, batch: dict[int, KinesisRecord]) -> dict[int, str]:
        entries = [{"Data": r.data, "PartitionKey": r.partition_key} for r in batch.values()]
        try:
            answer = self._client.put_records(StreamName=self._stream, Records=entries)
        except (BotoCoreError, ClientError) as error:
            return dict.fromkeys(batch, str(error))
        return {
            index: f"{result['ErrorCode']}: {result.get('ErrorMessage', '')}"
            for index, result in zip(batch, answer["Records"], strict=True)
            if "ErrorCode" in result
        }

    def open_reader(self) -> "StreamReader":
        """Return a reader that starts at the oldest record."""
        return StreamReader(self._client, self._stream)


class StreamReader:
    """A consumer of the stream, with its position in each shard."""

    def __init__(self, client: Any, stream: str) -> None:
        self._client = client
        self._iterators: dict[str, str] = {
            shard["ShardId"]: client.get_shard_iterator(
                StreamName=stream, ShardId=shard["ShardId"], ShardIteratorType="TRIM_HORIZON"
            )["ShardIterator"]
            for shard in client.list_shards(StreamName=stream)["Shards"]
        }

    @property
    def shard_ids(self) -> list[str]:
        return list(self._iterators)

    def read(self) -> list[tuple[str, bytes]]:
        """Return the records since the last call as (shard id, data), each shard's in order."""
        records = []
        for shard_id, iterator in self._iterators.items():
            answer = self._client.get_records(ShardIterator=iterator)
            self._iterators[shard_id] = answer["NextShardIterator"]
            records += [(shard_id, record["Data"]) for record in answer["Records"]]
        return records


@contextmanager
def open_kinesis(stream: str, shards: int) -> Iterator[Kinesis]:
    """Yield a Kinesis with an empty stream. Raises RuntimeError if the server does not start."""
    command = [sys.executable, "-P", "-m", __name__]
    with subprocess.Popen(  # noqa: S603 our own interpreter and module
        command,
        env=_environment(),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        process_group=0,  # keeps Ctrl-C away: the demo still needs its server then
    ) as server:
        assert server.stdout is not None
        port = server.stdout.readline().decode().strip()
        if not port:
            raise RuntimeError(
                f"the Kinesis emulator exited with code {server.wait()} during startup; "
                f"see its error above, or run: {' '.join(command)}"
            )
        client = _make_client(f"http://{LOOPBACK}:{port}")
        client.create_stream(StreamName=stream, ShardCount=shards)
        try:
            yield Kinesis(client, stream)
        finally:
            client.close()


def _batches(records: Sequence[KinesisRecord]) -> Iterator[dict[int, KinesisRecord]]:
    """Yield batches that each fit into one PutRecords call, by index of the record."""
    batch: dict[int, KinesisRecord] = {}
    size = 0
    for index, record in enumerate(records):
        record_size = len(record.data) + len(record.partition_key.encode())
        if len(batch) == MAX_BATCH_RECORDS or size + record_size > MAX_BATCH_BYTES:
            yield batch
            batch, size = {}, 0
        batch[index] = record
        size += record_size
    if batch:
        yield batch


def _environment() -> dict[str, str]:
    """Return the environment without AWS settings, which clients inside moto would use."""
    others = {name: text for name, text in os.environ.items() if not name.startswith("AWS_")}
    return others | {"AWS_CONFIG_FILE": os.devnull, "AWS_SHARED_CREDENTIALS_FILE": os.devnull}


def _make_client(endpoint: str) -> Any:
    """Return a client that ignores this computer's AWS files, AWS profile and proxy."""
    no_files = {
        "profile": (None, None, None, None),
        "config_file": (None, None, os.devnull, None),
        "credentials_file": (None, None, os.devnull, None),
    }
    return Session(session_vars=no_files).create_client(
        "kinesis",
        region_name="us-east-1",
        endpoint_url=endpoint,
        aws_access_key_id="demo",
        aws_secret_access_key="demo",  # noqa: S106 moto takes any
        # `put` does the retries: it knows which records are left.
        config=Config(proxies={}, retries={"total_max_attempts": 1}),
    )


def _serve() -> None:
    """Print the port, then serve until standard input closes. Runs in the child."""
    from moto.kinesis.models import Shard  # noqa: PLC0415 the parent needs no moto
    from moto.moto_server.werkzeug_app import (  # noqa: PLC0415
        DomainDispatcherApplication,
        MotoRequestHandler,
        create_backend_app,
    )
    from werkzeug.serving import make_server  # noqa: PLC0415

    Shard.get_max_sequence_number = _last_number  # type: ignore[method-assign,assignment]
    Shard.get_records = _records_after  # type: ignore[method-assign,assignment]
    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    # Serve one request at a time: moto's streams are not thread-safe.
    server = make_server(
        LOOPBACK,
        0,
        DomainDispatcherApplication(create_backend_app),
        threaded=False,
        request_handler=MotoRequestHandler,
    )
    threading.Thread(target=server.serve_forever, daemon=True).start()
    print_for_parent(str(server.server_port))
    sys.stdin.buffer.read()


def _last_number(shard: Any) -> int:
    """Return the last record's number. Replaces a method of moto's Shard.

    The original scans all records at each put. Here, a shard's records are numbered 1, 2, … and
    none is ever removed.
    """
    return len(shard.records)


def _records_after(shard: Any, last_number: str, limit: int | None) -> tuple[list[Any], int, int]:
    """Return the next records, the last one's number, and ms behind (always 0).

    Replaces a method of moto's Shard that scans all records at each read.
    """
    first, count = int(last_number) + 1, len(shard.records)
    last = count if limit is None else min(count, first + limit - 1)
    return [shard.records[number] for number in range(first, last + 1)], max(first - 1, last), 0


if __name__ == "__main__":
    _serve()
