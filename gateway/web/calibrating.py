"""Calibrating a bike from a page: a dialogue over the calibration socket, as in a terminal.

The web server is one more client of that socket, which bounds what a client can do to a race.
"""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, TypeVar

from aiohttp import web
from aiohttp.typedefs import Handler
from pydantic import AwareDatetime, ConfigDict, Field, TypeAdapter, ValidationError

from gateway.calibrating.measuring.guide import DEFAULT_PERCENTS, targets
from gateway.calibrating.remote import DaemonSession
from gateway.calibrating.state import CalibrationError, CalibrationState
from gateway.timing.clock import SystemClock
from gateway.web.connections import stream
from gateway.web.stream import send_stream

if TYPE_CHECKING:
    from gateway.web.dialogue import PageDialogue

_STRICT = ConfigDict(extra="forbid")
Body = TypeVar("Body")

#: The shortest time between two sessions that only look or restore, in seconds.
PAUSE_S = 0.1
CHANGED = "the backups have changed since this page was opened; reload it to see them"


@dataclass(frozen=True, slots=True)
class StartRequest:
    """A request to start; without `points`, a bike with a table of its own is verified."""

    __pydantic_config__ = _STRICT

    points: Annotated[int, Field(ge=2, le=101)] | None = None
    both_ways: bool = False


@dataclass(frozen=True, slots=True)
class AnswerRequest:
    """The answer to a question of a dialogue."""

    __pydantic_config__ = _STRICT

    dialogue: str
    question: str
    word: str


@dataclass(frozen=True, slots=True)
class RollbackRequest:
    """A request to restore the backup with this number and date, which the page shows."""

    __pydantic_config__ = _STRICT

    number: int
    made_at: AwareDatetime


class PageCalibrations:
    """The dialogues of all pages: the latest of each bike. `socket` is that of `calibrate`."""

    def __init__(self, socket: Path) -> None:
        self._socket = socket
        self._clock = SystemClock()
        self._dialogues: dict[str, PageDialogue] = {}
        self._asking = asyncio.Lock()

    async def start(self, bike_id: str, request: StartRequest) -> "PageDialogue":
        """Start a dialogue. Raises CalibrationError if the bike cannot be calibrated now."""
        from gateway.calibrating.guided.resistance import verify_or_calibrate  # noqa: PLC0415
        from gateway.web.dialogue import PageDialogue  # noqa: PLC0415 – imports rich

        asked = targets(request.points or DEFAULT_PERCENTS, both_ways=request.both_ways)
        dialogue = PageDialogue(
            DaemonSession(self._socket, bike_id),
            self._clock,
            lambda context: verify_or_calibrate(
                context, asked, is_chosen=request.points is not None
            ),
        )
        await dialogue.begin()
        self._dialogues[bike_id] = dialogue
        return dialogue

    def dialogue(self, bike_id: str, dialogue_id: str) -> "PageDialogue | None":
        found = self._dialogues.get(bike_id)
        return found if found is not None and found.id == dialogue_id else None

    async def state(self, bike_id: str) -> CalibrationState:
        """Return the bike's calibration. Raises CalibrationError."""
        async with self._short_session(bike_id) as session:
            return session.state

    async def rollback(self, bike_id: str, request: RollbackRequest) -> CalibrationState:
        """Restore a backup; return the bike's calibration. Raises CalibrationError."""
        async with self._short_session(bike_id) as session:
            backup = session.state.backups.get(request.number)
            if backup is None or backup.made_at != request.made_at:
                raise CalibrationError(CHANGED)
            await session.rollback(request.number)
            return session.state

    @asynccontextmanager
    async def _short_session(self, bike_id: str) -> AsyncIterator[DaemonSession]:
        """Open a session with a bike, one at a time, because the race reads files for each."""
        async with self._asking:
            async with DaemonSession(self._socket, bike_id, is_live=False) as session:
                yield session
            await asyncio.sleep(PAUSE_S)

    async def end(self, _: web.Application) -> None:
        """End all dialogues: the gateway stops."""
        await asyncio.gather(*(dialogue.end() for dialogue in self._dialogues.values()))


def routes(
    calibrations: PageCalibrations, admits: Callable[[web.Request], bool]
) -> list[web.RouteDef]:
    """Return the routes of the page, whose streams end once `admits` refuses their request."""

    async def state(bike_id: str, _: object) -> object:
        return _state_data(await calibrations.state(bike_id))

    async def start(bike_id: str, request: StartRequest) -> object:
        return {"dialogue": (await calibrations.start(bike_id, request)).id}

    async def rollback(bike_id: str, request: RollbackRequest) -> object:
        return _state_data(await calibrations.rollback(bike_id, request))

    async def answer(bike_id: str, request: AnswerRequest) -> object:
        dialogue = calibrations.dialogue(bike_id, request.dialogue)
        if dialogue is None:
            raise CalibrationError("this calibration has ended")
        return {"accepted": dialogue.buttons.press(request.question, request.word)}

    @stream
    async def events(request: web.Request) -> web.StreamResponse:
        bike_id, dialogue_id = request.match_info["bike"], request.query.get("dialogue", "")
        dialogue = calibrations.dialogue(bike_id, dialogue_id)
        followed = _ended_dialogue() if dialogue is None else dialogue.view.follow()
        return await send_stream(request, followed, admits)

    path = "/calibrate/{bike}"
    return [
        web.get(f"{path}/state.json", _answering(None, state)),
        web.get(f"{path}/events", events),
        web.post(f"{path}/start", _answering(StartRequest, start)),
        web.post(f"{path}/answer", _answering(AnswerRequest, answer)),
        web.post(f"{path}/rollback", _answering(RollbackRequest, rollback)),
    ]


def _answering(body: type[Body] | None, act: Callable[[str, Any], Awaitable[object]]) -> Handler:
    """Return a handler that answers with the JSON of `act`, or with the reason of a refusal."""
    adapter = None if body is None else TypeAdapter(body)

    async def handle(request: web.Request) -> web.Response:
        try:
            asked = None if adapter is None else adapter.validate_json(await request.read())
        except ValidationError as error:
            first = error.errors(include_url=False, include_context=False, include_input=False)[0]
            key = ".".join(map(str, first["loc"])) or "request"
            return web.json_response({"error": f"{key}: {first['msg']}"}, status=400)
        try:
            return web.json_response(await act(request.match_info["bike"], asked))
        except CalibrationError as error:
            return web.json_response({"error": str(error)})

    return handle


async def _ended_dialogue() -> AsyncGenerator[bytes, None]:
    """Yield the end of a dialogue that the gateway does not know."""
    from gateway.web.dialogue_events import UNKNOWN  # noqa: PLC0415 – imports rich

    yield UNKNOWN


def _state_data(state: CalibrationState) -> dict[str, object]:
    """Return what a page shows of a calibration before and after a dialogue."""
    from gateway.calibrating.view.summary import origin_words  # noqa: PLC0415 – imports rich

    table = state.in_use.table or state.resistance_table
    return {
        "bike_id": state.bike_id,
        "in_use": origin_words(state),
        "problem": state.problem,
        "curve": None if table is None else table.points,
        "backups": [
            {"number": number, "made_at": one.made_at.isoformat()}
            for number, one in sorted(state.backups.items())
        ],
    }
