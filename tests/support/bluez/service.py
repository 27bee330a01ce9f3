"""The connection that owns org.bluez, with its objects, the calls to them and their signals.

It uses plain messages, not dbus-fast's ServiceInterface: BlueZ leaves out a property without a
value (Name, RSSI, ManufacturerData), and keys discovery and notify sessions by the caller.
"""

import asyncio
import contextlib
import time
from collections import deque
from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple, NoReturn

from dbus_fast import DBusError, Message, MessageFlag, MessageType, NameFlag, Variant
from dbus_fast.aio import MessageBus

from tests.support.bluez.daemon import DBusDaemon

# Messages sent at once: dbus-fast takes a full socket (some 280 unread messages) for a dead bus.
_BURST = 64
_OBJECT_MANAGER = "org.freedesktop.DBus.ObjectManager"
_PROPERTIES = "org.freedesktop.DBus.Properties"

Reply = tuple[str, list[Any]] | None
Method = Callable[[str, list[Any]], Awaitable[Reply]]
"""Takes the sender and the arguments; returns the signature and the body of the answer."""


@dataclass(frozen=True, slots=True)
class Fault:
    """An error in place of a method call's answer."""

    name: str
    text: str = ""
    flaps: bool = False
    """The link comes up and ends again, as at a real le-connection-abort-by-local."""


FAILED = "org.bluez.Error.Failed"
HANG = Fault("")  # no answer, ever
IN_PROGRESS = Fault("org.bluez.Error.InProgress", "Operation already in progress")
NOT_READY = Fault("org.bluez.Error.NotReady", "Resource Not Ready")
NOT_CONNECTED = Fault(FAILED, "Not connected")
ABORT_BY_LOCAL = Fault(FAILED, "le-connection-abort-by-local", flaps=True)
CANCELED = Fault(FAILED, "le-connection-canceled")
ATT_ERROR = Fault(FAILED, "Operation failed with ATT error: 0x80")


def refuse(fault: Fault) -> NoReturn:
    raise DBusError(fault.name, fault.text)


class Call(NamedTuple):
    """A method call that came in; `at` is time.monotonic()."""

    interface: str
    member: str
    path: str
    at: float


class BusObject:
    """An object with one interface, on the bus only between `export` and `remove`."""

    interface = ""

    def __init__(self, service: "Service", path: str) -> None:
        self.service = service
        self.path = path
        self.properties: dict[str, Variant] = {}
        self.methods: dict[str, Method] = {}
        self._faults: dict[str, deque[Fault]] = {}

    @property
    def exported(self) -> bool:
        return self.service.objects.get(self.path) is self

    def fail(self, member: str, *faults: Fault) -> None:
        """Answer the next calls of `member` with these faults; later calls normally."""
        self._faults.setdefault(member, deque()).extend(faults)

    def next_fault(self, member: str) -> Fault | None:
        faults = self._faults.get(member)
        return faults.popleft() if faults else None

    def change(self, changed: Mapping[str, Variant], invalidated: Iterable[str] = ()) -> None:
        """Change values, with PropertiesChanged if the object is on the bus."""
        gone = [name for name in invalidated if self.properties.pop(name, None) is not None]
        self.properties.update(changed)
        if self.exported and (changed or gone):
            self.service.emit(
                self.path,
                _PROPERTIES,
                "PropertiesChanged",
                "sa{sv}as",
                [self.interface, dict(changed), gone],
            )

    def on_fault(self, member: str, sender: str, fault: Fault) -> None:
        """React to a fault, just before it is sent."""

    def on_client_left(self, sender: str) -> None:
        """React to the end of a client's connection to the bus."""

    def on_set(self, name: str, value: object) -> None:
        """Set a property on a client's request."""
        raise DBusError("org.freedesktop.DBus.Error.PropertyReadOnly", name)


class Service:
    """The owner of org.bluez between `start` and `stop`, in the event loop of the test."""

    def __init__(self, daemon: DBusDaemon) -> None:
        self.daemon = daemon
        self.objects: dict[str, BusObject] = {}
        self.calls: list[Call] = []
        self.errors: list[Exception] = []
        """Exceptions raised by a test's script; the `bluez` fixture fails if there are any."""
        self._bus: MessageBus | None = None
        self._outbox: asyncio.Queue[Message] = asyncio.Queue()
        self._tasks: set[asyncio.Task[None]] = set()
        self._news = asyncio.Event()

    @property
    def running(self) -> bool:
        return self._bus is not None

    def members(self) -> list[str]:
        """Return the names of all calls so far, in order."""
        return [call.member for call in self.calls]

    async def wait_for(self, condition: Callable[[], bool], timeout_s: float = 10) -> None:
        """Wait until `condition()` is true; check it after every call and every signal."""
        async with asyncio.timeout(timeout_s):
            while not condition():
                self._news.clear()
                await self._news.wait()

    async def called(self, member: str, times: int = 1) -> None:
        """Wait until `member` has been called `times` times since the beginning."""
        await self.wait_for(lambda: self.members().count(member) >= times)

    def export(self, thing: BusObject) -> None:
        self.objects[thing.path] = thing
        interfaces = {thing.interface: dict(thing.properties)}
        body = [thing.path, interfaces]
        self.emit("/", _OBJECT_MANAGER, "InterfacesAdded", "oa{sa{sv}}", body)

    def remove(self, thing: BusObject) -> None:
        if thing.exported:
            del self.objects[thing.path]
            body = [thing.path, [thing.interface]]
            self.emit("/", _OBJECT_MANAGER, "InterfacesRemoved", "oas", body)

    def emit(self, path: str, interface: str, member: str, signature: str, body: list[Any]) -> None:
        if self.running:
            self._outbox.put_nowait(Message.new_signal(path, interface, member, signature, body))
        self._news.set()

    def spawn(self, work: Awaitable[None]) -> asyncio.Task[None]:
        """Return a task that ends with bluetoothd at the latest."""
        task = asyncio.ensure_future(work)
        assert isinstance(task, asyncio.Task)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task

    async def settle(self) -> None:
        """Wait until every client has read all signals so far."""
        bus = self._bus
        assert bus is not None
        await self._outbox.join()
        names = (await bus.call(_to_driver("ListNames"))).body[0]
        for name in names:
            if name.startswith(":") and name != bus.unique_name:
                await bus.call(_ping(name))  # an error if it has left, which is as good

    async def start(self) -> None:
        bus = MessageBus(bus_address=self.daemon.address)
        bus.add_message_handler(self._on_message)
        await bus.connect()
        self._bus = bus
        self.spawn(self._send_all(bus))
        rule = "member='NameOwnerChanged',sender='org.freedesktop.DBus'"
        await bus.call(_to_driver("AddMatch", "s", rule))
        await bus.request_name("org.bluez", NameFlag.DO_NOT_QUEUE)

    async def stop(self) -> None:
        """End the connection at once; discard the outbox."""
        bus, self._bus = self._bus, None
        if bus is None:
            return
        tasks = list(self._tasks)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        bus.disconnect()
        with contextlib.suppress(EOFError):  # the bus has ended
            await bus.wait_for_disconnect()  # type: ignore[no-untyped-call]
        self._outbox = asyncio.Queue()
        self.objects.clear()
        while self.daemon.running and await self.daemon.owned("org.bluez"):
            pass

    async def _send_all(self, bus: MessageBus) -> None:
        sent = 0
        while True:
            message = await self._outbox.get()
            await bus.send(message)
            sent += 1
            if sent % _BURST == 0:
                await bus.call(_to_driver("GetId"))
            self._outbox.task_done()

    def _on_message(self, message: Message) -> bool:
        if message.message_type is MessageType.SIGNAL and message.member == "NameOwnerChanged":
            name, _, owner = message.body
            if not owner:
                for thing in list(self.objects.values()):
                    thing.on_client_left(name)
            return True
        if message.message_type is not MessageType.METHOD_CALL:
            return False
        call = Call(
            message.interface or "", message.member or "", message.path or "", time.monotonic()
        )
        self.calls.append(call)
        self.spawn(self._answer(message, call))
        self._news.set()
        return True

    async def _answer(self, message: Message, call: Call) -> None:
        try:
            signature, body = await self._result(message, call) or ("", [])
            reply = Message.new_method_return(message, signature, body)
        except DBusError as error:
            reply = Message.new_error(message, error.type, error.text)
        except Exception as error:
            self.errors.append(error)
            reply = Message.new_error(message, FAILED, repr(error))
        if not message.flags & MessageFlag.NO_REPLY_EXPECTED:
            self._outbox.put_nowait(reply)

    async def _result(self, message: Message, call: Call) -> Reply:
        if call.interface == _OBJECT_MANAGER:
            return "a{oa{sa{sv}}}", [
                {path: {o.interface: dict(o.properties)} for path, o in self.objects.items()}
            ]
        thing = self.objects.get(call.path)
        if thing is None:
            raise DBusError("org.freedesktop.DBus.Error.UnknownObject", f"no {call.path}")
        if call.interface == _PROPERTIES and call.member == "GetAll":
            return "a{sv}", [dict(thing.properties)]
        if call.interface == _PROPERTIES and call.member == "Set":
            _, name, value = message.body
            thing.on_set(name, value.value)
            return "", []
        method = thing.methods.get(call.member) if call.interface == thing.interface else None
        if method is None:
            raise DBusError("org.freedesktop.DBus.Error.UnknownMethod", f"no {call.member}")
        if (fault := thing.next_fault(call.member)) is not None:
            if fault is HANG:
                await asyncio.Event().wait()
            thing.on_fault(call.member, message.sender or "", fault)
            refuse(fault)
        return await method(message.sender or "", message.body)


def _ping(name: str) -> Message:
    return Message(destination=name, path="/", interface="org.freedesktop.DBus.Peer", member="Ping")


def _to_driver(member: str, signature: str = "", *body: str) -> Message:
    return Message(
        destination="org.freedesktop.DBus",
        path="/org/freedesktop/DBus",
        interface="org.freedesktop.DBus",
        member=member,
        signature=signature,
        body=list(body),
    )
