"""`make test-the-tests`: seeded faults that the tests must find.

Each fault is put into a copy of the code, where the tests that must find it are run. If no test
finds a fault, the tests have a gap, and the exit code is 1.

    python -m tests.mutants [NAME …]
"""

import os
import shutil
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

ROOT = Path(__file__).parents[1]
COPIED = (
    *("gateway", "drivers", "tests", "config", "docs", "systemd"),
    *("README.md", "pyproject.toml"),
)
TIMEOUT_S = 900

PROMISE = "tests/gateway/buffer/test_promise.py"
POWER_CUT = "tests/durability/test_power_cut.py"
TORN_WRITES = "tests/durability/test_torn_writes.py"
RAW_SIGNAL = "tests/gateway/calibrating/measuring/test_signal.py"
CALIBRATION_GUIDE = "tests/gateway/calibrating/measuring/test_guide.py"
JOINS = "tests/gateway/race/test_joins.py"
SAMPLER = "tests/gateway/sampling/test_sampler.py"
PROVISIONING = "tests/gateway/provisioning/test_steps.py"
REDRIVE = "tests/gateway/redrive/test_session.py"
RIDE = "tests/gateway/riding/test_desk.py"


class Outcome(StrEnum):
    FOUND = "found"
    MISSED = "MISSED"
    #: Its tests cannot run on this computer, for example without root.
    SKIPPED = "skipped"


@dataclass(frozen=True, slots=True)
class Mutant:
    """A seeded fault: in `file`, `wrong` replaces `right`; then `tests` must fail."""

    name: str
    file: str
    right: str
    wrong: str
    tests: str


MUTANTS = (
    Mutant(
        "every refusal of a connection is blamed on the policy",
        "gateway/cloud/connack.py",
        "remedy.format(**facts) if remedy else permission_remedy(cloud, client_id),",
        "permission_remedy(cloud, client_id),",
        "tests/gateway/cloud/test_connack.py",
    ),
    Mutant(
        "a connection whose acceptance cannot be read is awaited forever",
        "gateway/cloud/iot_core.py",
        "self._attempt = self._loop.create_task(self._await_outcome())",
        "pass",
        "tests/gateway/cloud/test_iot_core.py",
    ),
    Mutant(
        "a cable that is pulled is taken for messages that are discarded",
        "gateway/cloud/iot_core.py",
        "        elif self._answered < ticket:\n",
        "        elif False:\n",
        "tests/gateway/cloud/test_iot_core.py",
    ),
    Mutant(
        "a message whose answer cannot be read is awaited forever",
        "gateway/cloud/iot_core.py",
        "            call_when_overdue(partial(self._give_up, dict(self._pending)))\n",
        "            pass\n",
        "tests/gateway/cloud/test_iot_core.py",
    ),
    Mutant(
        "what happens while an uplink stops makes it connect",
        "gateway/cloud/iot_core.py",
        " and self._replacing is None and not self._stopping\n\n",
        " and self._replacing is None\n\n",
        "tests/gateway/cloud/test_iot_core.py",
    ),
    Mutant(
        "a new connection keeps the pace of the last one",
        "gateway/cloud/publisher.py",
        "            self._pace.begin(self.since_ns, now_ns)\n",
        "",
        "tests/gateway/cloud/test_publisher.py",
    ),
    Mutant(
        "the note of a certificate that was corrected stays in the status",
        "gateway/config/reload.py",
        "if config == self._in_use:",
        "if False:",
        "tests/gateway/config/test_reload.py",
    ),
    Mutant(
        "a chosen rider takes over a race that another has joined",
        "gateway/bike/riding.py",
        "if self.has_begun and self.has_joined:",
        "if self.has_begun and self.has_joined and not racer:",
        RIDE,
    ),
    Mutant(
        "a restart gives the rest of a race to the rider of the next one",
        "gateway/bike/riding.py",
        "if second is not None and second.race.racer is None:",
        "if second is None:",
        RIDE,
    ),
    Mutant(
        "a chosen rider waits for the next race though this one is free",
        "gateway/bike/riding.py",
        "self.race_clock.change_races_at_once(races)\n        if self.is_changing:",
        "self.race_clock.change_races(races)\n        if self.is_changing:",
        RIDE,
    ),
    Mutant(
        "a race that was left goes on after a restart",
        "gateway/race/joined_rides.py",
        "_SavedJoins(joins.last, joins.turn, joins.left)",
        "_SavedJoins(joins.last, joins.turn)",
        RIDE,
    ),
    Mutant(
        "a choice is answered before it is on disk",
        "gateway/riding/desk.py",
        "unsaved = await self._riders.save()",
        "unsaved = None",
        RIDE,
    ),
    Mutant(
        "a bike that is being removed gets races again",
        "gateway/riding/desk.py",
        "if bike is None or not self._riders.serves(request.bike_id):",
        "if bike is None:",
        RIDE,
    ),
    Mutant(
        "a path that is not Unicode costs the status",
        "gateway/terminal/json_line.py",
        'return line.encode(errors="replace") + b"\\n"',
        'return line.encode() + b"\\n"',
        "tests/gateway/status/test_report.py",
    ),
    Mutant(
        "a proxy with an IPv6 address stops the start",
        "gateway/config/proxy.py",
        'host = f"[{self.host}]" if ":" in self.host else self.host',
        "host = self.host",
        "tests/gateway/config/test_proxy.py",
    ),
    Mutant(
        "a CA that has expired is blamed on the broker",
        "gateway/cloud/diagnosis.py",
        "if cloud.ca_file is not None and not _is_valid_now(cloud.ca_file):",
        "if cloud.ca_file is None:",
        "tests/gateway/cloud/test_diagnosis.py",
    ),
    Mutant(
        "a console prints the text of a stranger raw",
        "gateway/terminal/console.py",
        "clean = segment.text if segment.control else printable(segment.text)",
        "clean = segment.text",
        "tests/gateway/terminal/test_console.py",
    ),
    Mutant(
        "the log has a line break of a stranger",
        "gateway/host/log.py",
        "    return one_line(str(value), LINE_MAX)\n",
        "    return printable(str(value))\n",
        "tests/gateway/host/test_log.py",
    ),
    Mutant(
        "a log that is not read stops the race",
        "gateway/cli/run.py",
        "    drop_what_is_not_read()\n",
        "",
        "tests/e2e/test_terminal.py",
    ),
    Mutant(
        "a new reason in a burst is not logged",
        "gateway/host/log_repeats.py",
        "if reason not in self.reasons and self.new_reasons < BURST:",
        "if self.goes_on and reason not in self.reasons and self.new_reasons < BURST:",
        "tests/gateway/host/test_log_repeats.py",
    ),
    Mutant(
        "a flood of one event hides the others",
        "gateway/host/log_repeats.py",
        "_part(self._sources.setdefault(source, {}), event, MOST_EVENTS, dict)",
        "_part(self._sources.setdefault(source, {}), '', MOST_EVENTS, dict)",
        "tests/gateway/host/test_log_repeats.py",
    ),
    Mutant(
        "what repeats is left out of the log without a summary",
        "gateway/host/log_repeats.py",
        "                    self._log(_summary(repeats.latest, repeats.left_out))\n",
        "",
        "tests/gateway/host/test_log_repeats.py",
    ),
    Mutant(
        "pages are open to any host name",
        "gateway/web/security.py",
        "        return name in self.names or _is_address(name)\n",
        "        return True\n",
        "tests/gateway/web/test_security.py",
    ),
    Mutant(
        "pages are open from outside without a token",
        "gateway/web/security.py",
        "        if not guard.admits(request):\n",
        "        if False:\n",
        "tests/gateway/web/test_security.py",
    ),
    Mutant(
        "another computer can have the name of the pages lead to itself",
        "gateway/web/mdns/avahi.py",
        "            if message.body[-1] & _IS_LOCAL:  # not of another computer\n",
        "            if True:\n",
        "tests/gateway/web/mdns/test_avahi.py",
    ),
    Mutant(
        "each request for the status asks the race",
        "gateway/web/snapshots.py",
        "        if self._latest is None:\n",
        "        if True:\n",
        "tests/gateway/web/test_snapshots.py",
    ),
    Mutant(
        "pages make the race take snapshots all the time",
        "gateway/web/feed.py",
        "                await self._is_watched.wait()\n",
        "",
        "tests/gateway/web/test_feed.py",
    ),
    Mutant(
        "a port that the sandbox forbids is a matter of groups",
        "drivers/serial_line/port.py",
        "        case errno.EPERM:\n",
        "        case errno.EBADE:\n",
        "tests/drivers/serial_line/test_port.py",
    ),
    Mutant(
        "a bike that sent while the process was stopped is lost",
        "drivers/serial_line/session.py",
        "            if port.heard_ns > asked_ns:\n",
        "            if False:\n",
        "tests/drivers/serial_line/test_session.py",
    ),
    Mutant(
        "check does not ask what the service's sandbox allows",
        "gateway/doctor/serial_ports.py",
        "    if not policy.allows(port):\n",
        "    if False:\n",
        "tests/gateway/doctor/test_serial_ports.py",
    ),
    Mutant(
        "a capture leaves out what was written",
        "drivers/ble/connection.py",
        "        self.on_frame(self._frame(data, characteristic, sent=True))\n",
        "",
        "tests/drivers/ble/test_driver.py",
    ),
    Mutant(
        "a protocol without a checksum fits as well as one with",
        "drivers/captures/fits.py",
        "fit.understood_damaged - fit.understood",
        "-fit.understood",
        "tests/drivers/captures/test_fits.py",
    ),
    Mutant(
        "every steady number follows the cadence",
        "drivers/captures/movement.py",
        "if not _is_about(fast, slow, _STEADY):",
        "if True:",
        "tests/drivers/captures/test_movement.py",
    ),
    Mutant(
        "what is written to a log is not synced",
        "gateway/buffer/log_file.py",
        "        os.fdatasync(self._descriptor)\n",
        "",
        POWER_CUT,
    ),
    Mutant(
        "the directory of a new log is not synced",
        "gateway/buffer/store.py",
        "                sync_directory(directory)\n",
        "                pass\n",
        TORN_WRITES,
    ),
    Mutant(
        "a log whose sync failed is appended to",
        "gateway/buffer/log_file.py",
        "self._recorded = self._kept\n            self.close()\n",
        "self._recorded = self._kept\n",
        "tests/gateway/buffer/test_store.py",
    ),
    Mutant(
        "a log whose sync failed keeps what was appended",
        "gateway/buffer/log_file.py",
        "            self.total, self._end, self._recorded = self._kept\n",
        "            self.total, _, self._recorded = self._kept\n",
        "tests/gateway/buffer/test_log_file.py",
    ),
    Mutant(
        "a log of a killed process is not written again",
        "gateway/buffer/log_file.py",
        "            _write_all(file.fileno(), whole, 0)\n            os.ftruncate",
        "            os.ftruncate",
        "tests/gateway/buffer/test_log_file.py",
    ),
    Mutant(
        "the checksum of a record is not compared",
        "gateway/buffer/log_format.py",
        "    if crc != _crc(data[at + _FIELDS_AT : end], salt):\n        return None\n",
        "",
        "tests/gateway/buffer/test_log_format.py",
    ),
    Mutant(
        "the record of an earlier file passes for one of this",
        "gateway/buffer/log_format.py",
        "crc32c(HEADER, salt)",
        "crc32c(HEADER)",
        "tests/gateway/buffer/test_log_format.py",
    ),
    Mutant(
        "damaged messages are counted one too few",
        "gateway/buffer/log_format.py",
        "max(0, record.before - found.total)",
        "max(0, record.before - found.total - 1)",
        "tests/gateway/buffer/test_log_format.py",
    ),
    Mutant(
        "what follows a damaged record is not read",
        "gateway/buffer/log_format.py",
        "            at = data.find(_MARKER, at + 1)\n",
        "            at = -1\n",
        "tests/gateway/buffer/test_log_format.py",
    ),
    Mutant(
        "a block that the disk does not return costs its whole log",
        "gateway/buffer/log_file.py",
        "            if error.errno != EIO:\n                raise\n",
        "            raise\n",
        "tests/gateway/buffer/test_log_file.py",
    ),
    Mutant(
        "a log is deleted with messages in it",
        "gateway/buffer/store.py",
        "            if log.pending:\n",
        "            if log.pending > 1:\n",
        "tests/contracts/test_store.py",
    ),
    Mutant(
        "the newest log makes room",
        "gateway/buffer/store.py",
        "(name.kind is not LogKind.QUARANTINE, name in latest, name)",
        "(name.kind is not LogKind.QUARANTINE, -name.first_id, name)",
        "tests/contracts/test_store.py",
    ),
    Mutant(
        "messages to be sent make room before those in quarantine",
        "gateway/buffer/store.py",
        "(name.kind is not LogKind.QUARANTINE, name in latest, name)",
        "(True, name in latest, name)",
        "tests/contracts/test_store.py",
    ),
    Mutant(
        "what was done with comes back after a failed sync",
        "gateway/buffer/log_file.py",
        "            self.total, self._end, self._recorded = self._kept\n",
        "            self.total, self._end, _ = self._kept\n",
        "tests/gateway/buffer/test_log_file.py",
    ),
    Mutant(
        "a full disk keeps what is done with while more is due",
        "gateway/buffer/store.py",
        "            self._finish(batch.done_anyway)  # a full disk needs the room\n",
        "",
        "tests/gateway/buffer/test_store.py",
    ),
    Mutant(
        "acknowledgements pile up in memory while the disk fails",
        "gateway/buffer/buffer.py",
        "            self._ledger.failed(batch)\n",
        "",
        "tests/gateway/buffer/test_buffer.py",
    ),
    Mutant(
        "a write for many races keeps the file of each open",
        "gateway/buffer/store.py",
        "if log.is_new and len(touched) > FILES_MAX:",
        "if False:",
        "tests/gateway/buffer/test_store.py",
    ),
    Mutant(
        "damaged records at the end of a log are not counted",
        "gateway/buffer/log_format.py",
        "            found.total += lost\n            found.lost += lost\n",
        "",
        "tests/gateway/buffer/test_log_format.py",
    ),
    Mutant(
        "a damaged end of a log that cannot be counted is not noted",
        "gateway/buffer/log_format.py",
        "        found.uncounted_bytes = len(rest) - end\n",
        "        pass\n",
        "tests/gateway/buffer/test_store.py",
    ),
    Mutant(
        "a log of a newer version with a damaged header is deleted",
        "gateway/buffer/log_file.py",
        "if found.end == HEADER_BYTES and not is_begun:",
        "if False:",
        "tests/gateway/buffer/test_store.py",
    ),
    Mutant(
        "what the disk has not taken of the acknowledgements is forgotten",
        "gateway/buffer/store.py",
        "            self._late[log.name] = None\n",
        "            pass\n",
        "tests/gateway/buffer/test_store.py",
    ),
    Mutant(
        "each race of many has a new log in each tick",
        "gateway/buffer/store.py",
        "OPEN_MAX + max(self._touched)",
        "OPEN_MAX",
        "tests/gateway/buffer/test_store.py",
    ),
    Mutant(
        "a message sent before the disk answered loses its place",
        "gateway/buffer/ledger.py",
        "{*self.unwritten, *self._taken, *set_aside}",
        "(*self.unwritten, *self._taken)",
        "tests/gateway/buffer/test_ledger.py",
    ),
    Mutant(
        "a locked file of an earlier version passes for a damaged one",
        "gateway/buffer/migration.py",
        '        raise StoreError(f"{database}: {error}") from None\n',
        "        pass\n",
        "tests/gateway/buffer/test_migration.py",
    ),
    Mutant(
        "a damaged write-ahead log of an earlier version is not noticed",
        "gateway/buffer/migration.py",
        "    if is_damaged:\n",
        "    if False:\n",
        "tests/gateway/buffer/test_migration.py",
    ),
    Mutant(
        "logs that overlap are exported one after the other",
        "gateway/buffer/inspect.py",
        "            while waiting and waiting[0][0] < name.first_id:\n",
        "            while waiting:\n",
        "tests/gateway/buffer/test_inspect.py",
    ),
    Mutant(
        "the note of a damaged buffer of an earlier version is lost in a kill",
        "gateway/buffer/migration.py",
        '    text = os.fsdecode(note.read_bytes()) if note.exists() else ""',
        '    text = ""',
        "tests/gateway/buffer/test_migration.py",
    ),
    Mutant(
        "each request reads the whole quarantine",
        "gateway/buffer/store.py",
        "            if log.name.first_id > max(ids) or log.highest_id < min(ids):\n",
        "            if log.highest_id < log.name.first_id:\n",
        "tests/gateway/buffer/test_quarantine.py",
    ),
    Mutant(
        "rows that a damaged table of an earlier version does not have any more are not missed",
        "gateway/buffer/migration.py",
        "        missing = counted[0][0] - count if counted else -1\n",
        "        missing = 0 if counted else -1\n",
        "tests/gateway/buffer/test_migration.py",
    ),
    Mutant(
        "a log that was deleted by others is not written again",
        "gateway/buffer/ledger.py",
        "            self.unwritten[entry] = None\n        queue.unwritten",
        "        queue.unwritten",
        "tests/gateway/buffer/test_ledger.py",
    ),
    Mutant(
        "`run` loads rich with structlog",
        "gateway/cli/run.py",
        'if not {"rich", "structlog"} & sys.modules.keys():',
        "if False:",
        "tests/gateway/cli/test_run.py",
    ),
    Mutant(
        "`run` loads the libraries of all drivers",
        "drivers/registry.py",
        "        self._loaded: dict[str, DriverStatus] = {}",
        "        self._loaded = {name: _load(point) for name, point in self._points.items()}",
        "tests/gateway/cli/test_run.py",
    ),
    Mutant(
        "a message is acknowledged before the broker has it",
        "gateway/cloud/publisher.py",
        "        self._uplink.publish(ticket, entry.payload)",
        "        self._uplink.publish(ticket, entry.payload)\n"
        "        self._buffer.acknowledge(entry)",
        PROMISE,
    ),
    Mutant(
        "a message counts as written before it is",
        "gateway/buffer/buffer.py",
        "        batch = self._ledger.batch(due)\n",
        "        batch = self._ledger.batch(due)\n"
        "        for entry in due:\n"
        "            self._ledger.unwritten.pop(entry, None)\n",
        PROMISE,
    ),
    Mutant(
        "a message is written too late",
        "gateway/buffer/buffer.py",
        "COMMIT_AT = 0.8",
        "COMMIT_AT = 3.0",
        PROMISE,
    ),
    Mutant(
        "the oldest race is sent first",
        "gateway/buffer/send_order.py",
        "in reversed(self._races.values())",
        "in list(self._races.values())",
        PROMISE,
    ),
    Mutant(
        "the logs of a race are in the order of their reading",
        "gateway/buffer/send_order.py",
        "        insort(self.segments, segment, key=lambda one: one.name.first_id)\n",
        "        self.segments.append(segment)\n",
        "tests/gateway/buffer/test_send_order.py",
    ),
    Mutant(
        "a broker that asks for patience is sent a whole window",
        "gateway/cloud/publisher.py",
        "        self._one_at_a_time = True\n",
        "",
        "tests/gateway/cloud/test_publisher.py",
    ),
    Mutant(
        "the messages of a race are sent in reverse order",
        "gateway/buffer/send_order.py",
        "return self.id < other.id",
        "return self.id > other.id",
        PROMISE,
    ),
    Mutant(
        "unanswered messages are not given back when the connection ends",
        "gateway/buffer/ledger.py",
        "            entry.state = EntryState.WAITING\n            self.order.put(entry)\n",
        "            entry.state = EntryState.WAITING\n",
        "tests/gateway/buffer/test_ledger.py",
    ),
    Mutant(
        "a message in flight is sent again when its log is read",
        "gateway/buffer/ledger.py",
        "known = {*taken, *(",
        "known = {*(",
        "tests/gateway/buffer/test_ledger.py",
    ),
    Mutant(
        "a log is taken in twice",
        "gateway/buffer/ledger.py",
        "if segment.is_loaded or self._segments.get(segment.name) is not segment:",
        "if self._segments.get(segment.name) is not segment:",
        "tests/gateway/buffer/test_ledger.py",
    ),
    Mutant(
        "a message is deleted without an acknowledgement",
        "gateway/buffer/ledger.py",
        "            entry.segment = self._place(name)\n",
        "            entry.segment = self._place(name)\n"
        "            if entry.id % 50 == 0:\n"
        "                self.to_delete.append((name, entry.id))\n",
        PROMISE,
    ),
    Mutant(
        "a message that is refused forever blocks those behind it",
        "gateway/cloud/trials.py",
        "        self.accused = entry\n",
        "        self.accused = None\n",
        "tests/gateway/cloud/test_publisher.py",
    ),
    Mutant(
        "a replaced certificate is not the one that is used",
        "gateway/cloud/iot_core.py",
        "self.files.load(),",
        "self.files.loaded,",
        "tests/gateway/cloud/test_iot_core.py",
    ),
    Mutant(
        "the last seconds are not on disk until the uplinks have stopped",
        "gateway/daemon.py",
        "await self._buffer.commit(everything=True)  # whatever the uplinks do",
        "pass",
        "tests/gateway/test_daemon.py",
    ),
    Mutant(
        "a lookup of a host name makes the end of the program wait",
        "drivers/lookup.py",
        'threading.Thread(target=work, name=f"look up {host}", daemon=True).start()',
        "asyncio.get_running_loop().run_in_executor(None, work)",
        "tests/drivers/test_lookup.py",
    ),
    Mutant(
        "a path that swallows packets is tried forever",
        "gateway/cloud/fallback.py",
        "self.family = self._untried.pop(0)",
        "self._untried.pop(0)",
        "tests/gateway/cloud/test_fallback.py",
    ),
    Mutant(
        "a refused subscription is not tried again",
        "gateway/cloud/subscriptions.py",
        "if self._client is not None and subscription.topic in self.refusals:",
        "if False:",
        "tests/gateway/cloud/test_subscriptions.py",
    ),
    Mutant(
        "a bike that nobody pedals joins a race",
        "gateway/race/joins.py",
        "        if is_pedalling and second.race.waits_for_pedals:",
        "        if second.race.waits_for_pedals:",
        JOINS,
    ),
    Mutant(
        "a joined race is forgotten at a restart",
        "gateway/race/joined_rides.py",
        "Joins(saved.ride, saved.turn, self._changed.set, saved.left)",
        "Joins(None, saved.turn, self._changed.set, saved.left)",
        JOINS,
    ),
    Mutant(
        "a rider leaves the race in a pause",
        "gateway/race/joins.py",
        "        return ride is not None and ride.second <= second",
        "        return ride is not None and ride.second == second",
        JOINS,
    ),
    Mutant(
        "a bike lost just before the end costs the result",
        "gateway/sampling/sampler.py",
        "        return sample if sample.present else self._absent(sample, end_ns)",
        "        return sample",
        JOINS,
    ),
    Mutant(
        "newer messages pass one that was in flight when the broker hung up",
        "gateway/cloud/publisher.py",
        "            entry.is_suspect |= may_be_cause\n            self._give_back(entry)",
        "            entry.is_suspect |= may_be_cause",
        PROMISE,
    ),
    Mutant(
        "a final does not wait for the seconds in flight",
        "gateway/cloud/publisher.py",
        "return None if self._is_early_final(entry) else entry",
        "return entry",
        PROMISE,
    ),
    Mutant(
        "a fault of the broker counts against a message",
        "gateway/cloud/trials.py",
        "            self.acquit()\n        entry.failures += 1",
        "            pass\n        self._strikes[entry] += self.accused is not None\n"
        "        entry.failures += 1",
        "tests/gateway/cloud/test_publisher.py",
    ),
    Mutant(
        "all bikes wait for a message that the broker refuses",
        "gateway/cloud/publisher.py",
        "        if is_brokers_fault:",
        "        if entry.is_suspect:",
        "tests/gateway/cloud/test_publisher.py",
    ),
    Mutant(
        "a broker at fault is tried with each bike at once",
        "gateway/cloud/trials.py",
        "        return is_witness and is_news",
        "        return not (is_witness or is_news)",
        "tests/gateway/cloud/test_publisher.py",
    ),
    Mutant(
        "a network that returns is not noticed",
        "gateway/cloud/connections.py",
        "        if found - known:",
        "        if known - found:",
        "tests/gateway/cloud/test_connections.py",
    ),
    Mutant(
        "strikes outlast a connection on which nothing was accepted",
        "gateway/cloud/publisher.py",
        "            self._trials.acquit()\n",
        "            pass\n",
        "tests/gateway/cloud/test_publisher.py",
    ),
    Mutant(
        "the hang-up hides the refusal that led to it",
        "gateway/cloud/publisher.py",
        "            reason = self._refusal\n",
        "            pass\n",
        "tests/gateway/cloud/test_publisher.py",
    ),
    Mutant(
        "a race is guessed from an untrusted clock",
        "gateway/race/clock.py",
        "        if clock.is_trustworthy():\n            self._look_at_the_clock()",
        "        if True:\n            self._look_at_the_clock()",
        "tests/gateway/bike/test_bike.py",
    ),
    Mutant(
        "a clock counts as set as long as the kernel answers",
        "gateway/timing/clock_sync.py",
        "return error_us is not None and error_us < MAX_ERROR_US",
        "return error_us is not None",
        "tests/gateway/timing/test_clock_sync.py",
    ),
    Mutant(
        "the config makes an impossible time right",
        "gateway/timing/clock_sync.py",
        "    if now_ms < trust.earliest_ms():\n        return None\n",
        "",
        "tests/gateway/timing/test_clock_sync.py",
    ),
    Mutant(
        "a second of an earlier boot is dated by this boot's monotonic clock",
        "gateway/bike/recorder.py",
        "        end_ns = self._clock.monotonic_ns_at(began_ms) + undated.end_ns",
        "        end_ns = undated.end_ns",
        "tests/gateway/bike/test_bike.py",
    ),
    Mutant(
        "a saved race is ridden although it overlaps with the one before it",
        "gateway/race/commanded.py",
        "race.start_ms < usable[-1].end_ms",
        "race.start_ms < usable[0].end_ms",
        "tests/gateway/race/test_commanded.py",
    ),
    Mutant(
        "a bike that returns rides its race a second time",
        "gateway/race/commanded.py",
        "                self._bikes[bike_id].end_running(now_ms)",
        "                del self._bikes[bike_id]",
        "tests/gateway/race/test_control.py",
    ),
    Mutant(
        "a race of a bike that left before a restart goes on when it returns",
        "gateway/race/control.py",
        "    control.end_unserved()\n",
        "",
        "tests/gateway/race/test_control.py",
    ),
    Mutant(
        "a race that was stopped before a crash gets no final",
        "gateway/race/commanded.py",
        "return self.ridden_at(wall_ms) or next(",
        "return next(",
        "tests/gateway/race/test_control.py",
    ),
    Mutant(
        "a link to a socket is followed and removed",
        "gateway/host/sockets.py",
        "path.lstat()",
        "path.stat()",
        "tests/gateway/host/test_sockets.py",
    ),
    Mutant(
        "a command that could not be saved counts as saved",
        "gateway/host/state_file.py",
        "            if failure is None:\n                self._saved = latest",
        "            self._saved = latest",
        "tests/gateway/host/test_state_file.py",
    ),
    Mutant(
        "a device in the place of a small file is read",
        "gateway/host/atomic_file.py",
        "    if kind is not None:",
        "    if False:",
        "tests/gateway/host/test_state_file.py",
    ),
    Mutant(
        "a process that was stopped is taken for a wedged one",
        "gateway/host/watchdog.py",
        "pulse.excuse(late_ns)",
        "pulse.excuse(0)",
        "tests/gateway/host/test_watchdog.py",
    ),
    Mutant(
        "a bike that is added later starts by an old look at the clock",
        "gateway/race/clock.py",
        "        if clock.is_trustworthy():\n            self._look_at_the_clock()",
        "        if clock.is_trustworthy():",
        "tests/gateway/race/test_clock.py",
    ),
    Mutant(
        "a registered certificate is requested again",
        "gateway/provisioning/steps.py",
        "        if self._why_not(patience_s=0) is None:",
        "        if False:",
        PROVISIONING,
    ),
    Mutant(
        "a certificate is not recorded until it is registered",
        "gateway/provisioning/steps.py",
        '        self._files.save(REQUEST, request.to_json())\n        self._report(f"certificate',
        '        self._report(f"certificate',
        PROVISIONING,
    ),
    Mutant(
        "an existing key pair is not adopted before it is replaced",
        "gateway/provisioning/identity.py",
        "        there = [file for file in (self.certificate, self.private_key) if file.exists()]",
        "        there: list[Path] = []",
        PROVISIONING,
    ),
    Mutant(
        "a key is not synced to disk",
        "gateway/host/atomic_file.py",
        "            file.flush()\n            os.fsync(descriptor)\n",
        "            file.flush()\n",
        PROVISIONING,
    ),
    Mutant(
        "the policy does not allow further connections",
        "config/aws/template.yaml",
        "client/${!iot:Connection.Thing.ThingName}:*",
        "client/${!iot:Connection.Thing.ThingName}-*",
        "tests/config/test_template.py",
    ),
    Mutant(
        "a certificate may be attached to many things",
        "config/aws/template.yaml",
        '"ThingPrincipalType": "EXCLUSIVE_THING"',
        '"ThingPrincipalType": "NON_EXCLUSIVE_THING"',
        "tests/config/test_template.py",
    ),
    Mutant(
        "a derived resistance is reported as the bike's own",
        "gateway/sampling/sampler.py",
        "self._resistance_source = ResistanceSource.DERIVED",
        "self._resistance_source = ResistanceSource.DEVICE",
        SAMPLER,
    ),
    Mutant(
        "an absurd frame becomes a second of a race",
        "gateway/sampling/sampler.py",
        "self.refusals.without_refused(reading, calibration.own_numbers)",
        "reading",
        "tests/gateway/sampling/test_plausible.py",
    ),
    Mutant(
        "a resistance that is always 0 is ridden as 0",
        "gateway/sampling/sampler.py",
        "        self._constant.ride(cadence_rpm, power_w)\n",
        "",
        "tests/gateway/sampling/test_constant.py",
    ),
    Mutant(
        "a rider who does not touch the knob loses its resistance",
        "gateway/sampling/constant.py",
        "is_settled and is_ridden",
        "is_ridden",
        "tests/gateway/sampling/test_constant.py",
    ),
    Mutant(
        "counts of a home-made rig are reported as percent",
        "gateway/sampling/calibration.py",
        "reading.resistance_raw, ResistanceSource.UNCALIBRATED",
        "reading.resistance_raw, ResistanceSource.DEVICE",
        SAMPLER,
    ),
    Mutant(
        "a rider who has stopped has the offset of the power",
        "drivers/power.py",
        "if power_w <= 0:",
        "if power_w < 0:",
        "tests/drivers/test_power.py",
    ),
    Mutant(
        "a lost pedal halves the power",
        "drivers/ble/companions.py",
        "reading.power_w * 2",
        "reading.power_w",
        "tests/drivers/ble/test_companions.py",
    ),
    Mutant(
        "a bike that locks up at its start gets it on each connection",
        "drivers/ble/start.py",
        "after_ns <= LOCKED_UP_NS",
        "after_ns >= 0",
        "tests/drivers/ble/test_start.py",
    ),
    Mutant(
        "an Echelon without a name reports its level as percent",
        "drivers/ble/driver.py",
        "profile = profile_speaking(main, name)",
        "profile = profile_of(name)",
        "tests/drivers/ble/test_driver.py",
    ),
    Mutant(
        "two classes share a race",
        "gateway/race/races.py",
        "number * CLASS_DIGIT + self.class_id",
        "number * CLASS_DIGIT",
        "tests/gateway/race/test_races.py",
    ),
    Mutant(
        "a race is ridden again under another id when the clock is behind",
        "gateway/race/clock.py",
        "race.is_same_ride(ended) or race.is_within(ended)",
        "race.is_same_ride(ended)",
        "tests/gateway/race/test_clock.py",
    ),
    Mutant(
        "check publishes to the topic of telemetry",
        "gateway/doctor/endpoint.py",
        'update={"topic": probed}',
        "update={}",
        "tests/gateway/doctor/test_endpoint.py",
    ),
    Mutant(
        "a calibration of another bike is used",
        "gateway/bike/calibration_choice.py",
        "if record.device != device:",
        "if not record.device:",
        "tests/gateway/bike/test_calibration_choice.py",
    ),
    Mutant(
        "a calibration is replaced without a backup",
        "gateway/sampling/calibration_store.py",
        "        self._keep(record.bike_id)\n",
        "",
        "tests/gateway/sampling/test_calibration_store.py",
    ),
    Mutant(
        "a trial outlives the session that made it",
        "gateway/calibrating/leases.py",
        '        self._bike.trial = None\n        log.info("calibration ended"',
        '        log.info("calibration ended"',
        "tests/contracts/test_calibration_session.py",
    ),
    Mutant(
        "a hanging calibration session is kept",
        "gateway/calibrating/server.py",
        "now_ns - self._here_ns > SILENCE_NS",
        "self._here_ns > now_ns",
        "tests/gateway/calibrating/test_server.py",
    ),
    Mutant(
        "a slowly turned knob counts as held",
        "gateway/calibrating/measuring/signal.py",
        "    if drift > MAX_DRIFT_ERRORS",
        "    if drift > 10 * MAX_DRIFT_ERRORS",
        RAW_SIGNAL,
    ),
    Mutant(
        "a knob turned there and back counts as held",
        "gateway/calibrating/measuring/signal.py",
        "pstdev(raws) <= MAX_WANDER * noise",
        "pstdev(raws) <= 10 * MAX_WANDER * noise",
        RAW_SIGNAL,
    ),
    Mutant(
        "a noisy pot never holds",
        "gateway/calibrating/measuring/signal.py",
        "    return max(raws) - min(raws) <= tolerance or",
        "    return max(raws) - min(raws) <= tolerance and",
        RAW_SIGNAL,
    ),
    Mutant(
        "a lone glitch ends a hold",
        "gateway/calibrating/measuring/signal.py",
        "            if elsewhere == 2:",
        "            if elsewhere == 1:",
        RAW_SIGNAL,
    ),
    Mutant(
        "two positions of a knob count as one",
        "gateway/calibrating/measuring/plateaus.py",
        " and abs(hold.raw - median) <= discernible",
        "",
        "tests/gateway/calibrating/measuring/test_plateaus.py",
    ),
    Mutant(
        "a knob is captured before it has moved",
        "gateway/calibrating/measuring/guide.py",
        "        return self._has_moved and (not captured",
        "        return (not captured",
        CALIBRATION_GUIDE,
    ),
    Mutant(
        "a position is captured twice",
        "gateway/calibrating/measuring/guide.py",
        "(not captured or self._is_far(hold.raw, captured[-1].raw))",
        "True",
        CALIBRATION_GUIDE,
    ),
    Mutant(
        "captured points are accepted in any order",
        "gateway/calibrating/measuring/checks.py",
        "        if raw_a == raw_b or (raw_b > raw_a) != rises",
        "        if raw_a == raw_b",
        "tests/gateway/calibrating/measuring/test_checks.py",
    ),
    Mutant(
        "the fleet and the backend compute different scores",
        "gateway/simulation/fleet/racer.py",
        "score(sample.cadence_rpm, sample.resistance_percent)",
        "score(sample.resistance_percent, sample.cadence_rpm)",
        "tests/gateway/simulation/fleet/test_racer.py",
    ),
    Mutant(
        "duplicates hide lost messages from the fleet",
        "gateway/simulation/scene.py",
        "return self.records - self.duplicates",
        "return self.records",
        "tests/gateway/simulation/test_scene.py",
    ),
    Mutant(
        "here now is the best second so far",
        "gateway/simulation/cloud/leaderboard.py",
        "second.output if is_first else max(",
        "max(",
        "tests/gateway/simulation/cloud/test_leaderboard.py",
    ),
    Mutant(
        "the personal record is the last final result",
        "gateway/simulation/cloud/leaderboard.py",
        "= max(best, second.output)",
        "= second.output",
        "tests/gateway/simulation/cloud/test_leaderboard.py",
    ),
    Mutant(
        "a racer missing from the backend is not a difference",
        "gateway/simulation/cloud/leaderboard.py",
        "if other is None or any(",
        "if other is not None and any(",
        "tests/gateway/simulation/cloud/test_leaderboard.py",
    ),
    Mutant(
        "failed telemetry is deleted before the stream has it",
        "gateway/redrive/session.py",
        "            refused = self._shards.put(batch)\n",
        "            self._queue.delete([one.message for one in batch])\n"
        "            refused = self._shards.put(batch)\n",
        REDRIVE,
    ),
    Mutant(
        "a put of failed telemetry has two seconds of a ride",
        "gateway/redrive/plan.py",
        "            record.ride in rides\n            or len(batch)",
        "            len(batch)",
        REDRIVE,
    ),
    Mutant(
        "a failed final does not wait for the seconds before it",
        "gateway/redrive/session.py",
        "return records if self.report.is_complete or not updates else updates",
        "return records",
        REDRIVE,
    ),
    Mutant(
        "a gateway that is not set up races",
        "gateway/config/first.py",
        "return not is_first_config(config.model_dump())",
        "return True",
        "tests/gateway/status/test_waiting.py",
    ),
    Mutant(
        "seconds of a fake bike are sent when a real one has taken its place",
        "gateway/bike/recorder.py",
        "        buffer.discard(self._is_leftover)\n",
        "",
        "tests/gateway/test_daemon.py",
    ),
    Mutant(
        "failed telemetry is put while another reader holds some of it",
        "gateway/redrive/session.py",
        "if held_before == 0 == self._count_held_elsewhere():",
        "if self._count_held_elsewhere() >= 0:",
        REDRIVE,
    ),
)


def main() -> int:
    wanted = sys.argv[1:]
    # Most of a trial is a process that tests; the threads only wait for it.
    with ThreadPoolExecutor(os.cpu_count()) as trials:
        tried = list(trials.map(_try, (one for one in MUTANTS if _is_wanted(one, wanted))))
    print(", ".join(f"{tried.count(outcome)} {outcome}" for outcome in Outcome))
    return 1 if Outcome.MISSED in tried else 0


def _is_wanted(mutant: Mutant, wanted: list[str]) -> bool:
    return not wanted or any(name in mutant.name for name in wanted)


def mutated(mutant: Mutant, code: str) -> str:
    assert code.count(mutant.right) == 1, f"{mutant.name}: {mutant.file} has changed"
    return code.replace(mutant.right, mutant.wrong)


def _try(mutant: Mutant) -> Outcome:
    began_s = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="mutant-") as directory:
        copy = Path(directory)
        for name in COPIED:
            source = ROOT / name
            if source.is_dir():
                shutil.copytree(source, copy / name, ignore=shutil.ignore_patterns("__pycache__"))
            else:
                shutil.copy(source, copy / name)
        file = copy / mutant.file
        file.write_text(mutated(mutant, file.read_text(encoding="utf-8")), encoding="utf-8")
        outcome = _run(copy, mutant.tests)
    print(f"{outcome:8} {time.monotonic() - began_s:5.1f} s  {mutant.name}", flush=True)
    return outcome


def _run(directory: Path, tests: str) -> Outcome:
    # Any counterexample is enough, so that hypothesis need not search for the smallest.
    options = ["-q", "-x", "-p", "no:cacheprovider", "--hypothesis-profile=counterexample"]
    command = [sys.executable, "-m", "pytest", *options, tests]
    done = subprocess.run(
        command, cwd=directory, capture_output=True, timeout=TIMEOUT_S, check=False
    )
    match done.returncode:
        case 0 if b" passed" not in done.stdout:
            return Outcome.SKIPPED
        case 1:
            return Outcome.FOUND
    return Outcome.MISSED


if __name__ == "__main__":
    sys.exit(main())
