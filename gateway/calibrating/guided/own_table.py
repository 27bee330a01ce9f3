"""A bike that has a table of its own, as a Peloton, need not be calibrated: it is verified."""

from collections.abc import Iterator

from drivers.contract import ResistanceTable, TableOrigin
from gateway.bike.link import LinkState
from gateway.calibrating.answers import Question
from gateway.calibrating.guided.capture import QUIT, Capture, Seat
from gateway.calibrating.guided.verify import verify_resistance
from gateway.calibrating.view.events import Event
from gateway.calibrating.view.summary import origin_words
from gateway.terminal.units import number
from gateway.timing.units import NS_PER_S

#: A Peloton tells its table within six seconds of being connected; one that is asked by its tablet
#: only if that asks.
TABLE_S = 12.0
#: In a line of the table.
IN_A_ROW = 4

WAIT = Question("waiting for the bike", {"q": QUIT}, is_put=False)
ASK = Question("asking the bike for its own table", {"q": QUIT}, is_put=False)

_WHOSE = {
    TableOrigin.BIKE: "the bike has told its own table",
    TableOrigin.CONFIG: "the config has this bike's own table",
    TableOrigin.ANOTHER_BIKE: "the bike tells no table: percent go by that of another bike of its "
    "kind, and may be some points off",
}


async def verify_own_table(seat: Seat) -> bool | None:
    """Show it, and whether it is right; None for a bike that has none.

    Raises Left, CalibrationError, and what the answers raise.
    """
    table = await find_table(seat)
    if table is None:
        return None
    state = seat.session.state
    words = "\n".join((f"{_WHOSE[table.origin]}, of {len(table.points)} points:", *_rows(table)))
    data = {"origin": table.origin.value, "points": [list(point) for point in table.points]}
    seat.view.tell(Event("table", words, data))
    holds = "" if state.in_use.table is None else f" What holds is {origin_words(state)}, though."
    advice = "Is it right? Turn to 25, 50 and 75 % as its screen or your marks show"
    words = f"{advice}; or calibrate it: --points 5.{holds}"
    seat.view.tell(Event("verify", words, {"holds": origin_words(state)}))
    return await verify_resistance(seat)


async def find_table(seat: Seat) -> ResistanceTable | None:
    """Once the bike is connected. One of its own is waited for a while."""
    connected_ns: int | None = None
    async with seat.talk() as talk:
        capture = Capture(seat, talk, ())
        while True:
            now_ns, table = seat.clock.monotonic_ns(), seat.session.state.resistance_table
            question = WAIT
            if seat.session.link.state is not LinkState.CONNECTED:
                connected_ns = None
            else:
                question = ASK
                connected_ns = connected_ns or now_ns
                is_late = now_ns - connected_ns > TABLE_S * NS_PER_S
                if table is None or table.origin is not TableOrigin.ANOTHER_BIKE or is_late:
                    return table
            await capture.hear_or(question, seat.session.state.in_use)


def _rows(table: ResistanceTable) -> Iterator[str]:
    cells = [f"{percent:5.1f} % = {number(raw):>6}" for raw, percent in table.points]
    for at in range(0, len(cells), IN_A_ROW):
        yield "  ".join(cells[at : at + IN_A_ROW])
