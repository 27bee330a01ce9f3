"""The questions of `setup` on bike and rider, with the current values as defaults.

Ctrl-C raises typer.Abort. The answers given until then are in the Answers that were passed.
"""

import asyncio
from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict

import typer
from rich.console import Console

from drivers.discovery import Discoverer, FoundBike
from drivers.serial_line.driver import SERIAL_PROTOCOLS
from gateway.config.editor import Machine, is_on
from gateway.setup.answers import RACER, Answers, Current, problem_of
from gateway.setup.bike_spec import NotABike, ProtocolMissing, named_bike
from gateway.setup.questions import Check, agrees, ask
from gateway.setup.scan import Scan, look_alikes, scan_all
from gateway.terminal.keyboard import without_echo
from gateway.terminal.printable import one_line
from gateway.terminal.words import fitted, print_words

ADD, AGAIN, KEEP = "add", "again", "keep"

_RACER_QUESTIONS = {
    "racer_name": "Racer's first name",
    "racer_id": "Racer's id (a number)",
    "class_id": "Racer's class, 1 … 6",
}
_RACER_EXPLAINED = (
    "Who rides? The backend of the races knows each racer by a number, the racer's id, and ranks "
    "each class, 1 … 6, separately. The organiser of the races assigns the id and the class. To "
    "try the gateway out, take any id that no other racer has, and class 1."
)

#: Scans for bikes; None if the user does not want a scan.
Look = Callable[[], Scan] | None
#: Shows the bike live; returns whether it sent anything.
ShowLive = Callable[[Machine], bool] | None


def ask_bike_and_racer(
    console: Console, current: Current, answers: Answers, kept: Answers, look: Look, live: ShowLive
) -> None:
    """Ask for what is missing in `answers`, and put it there. A kept bike stays None.

    `kept`: the answers of a `setup` that was left; they are proposed.
    """
    bike_id = answers.bike_id or _ask_which(console, current, kept.bike_id)
    answers.bike_id = bike_id
    bike = current.bike(bike_id) if current.has_rider(bike_id) else {}
    if answers.machine is None:
        answers.machine = _ask_machine(current, bike, kept.machine, look, live)
    if any(key not in answers.racer for key in RACER):
        console.print(_RACER_EXPLAINED, markup=False, highlight=False)
        _ask_racer(answers.racer, {**bike, **kept.racer})


def look_around(console: Console, discoverers: Mapping[str, Discoverer], seconds: float) -> Scan:
    """Scan, and print a numbered list of the bikes found; heart-rate straps are left out."""
    names = ", ".join(discoverers)
    console.print(f"Scanning for bikes for {seconds:g} s: {names} …", highlight=False)
    console.print("Pedal a few turns: most bikes sleep until they are pedalled.")
    numbers: list[FoundBike] = []

    def show(driver: str, bike: FoundBike) -> None:
        if not bike.is_companion:
            numbers.append(bike)
            signal = () if bike.rssi_dbm is None else (f"{bike.rssi_dbm} dBm",)
            number, why = str(len(numbers)), f"{driver}: {bike.why}"
            facts = ("", number, bike.name, bike.where, *signal, why)
            print_words(console, "  ".join(map(one_line, facts)))

    with without_echo():
        scan = asyncio.run(scan_all(discoverers, seconds, show))
    for name, problem in scan.problems.items():
        shown = fitted(console, f"{name}: {problem}")
        console.print(shown, style="yellow", soft_wrap=True, markup=False)
    for warning in look_alikes(scan):
        shown = fitted(console, warning)
        console.print(shown, style="yellow", soft_wrap=True, markup=False)
    if not numbers and len(scan.problems) < len(discoverers):
        console.print(
            "No bike was found. Pedal to wake the bike, bring it closer, and disconnect it from "
            "other apps."
        )
    return Scan([one for one in scan.bikes if not one[1].is_companion], scan.problems)


def config_check(key: str) -> Check:
    """Return a check of an answer by the schema of the config's key."""

    def checked(answer: str) -> str:
        problem = problem_of(key, answer)
        if problem is not None:
            raise typer.BadParameter(problem)
        return answer

    return checked


def one_of(*words: str) -> Check:
    """Return a check that accepts these words alone."""

    def checked(answer: str) -> str:
        if answer not in words:
            raise typer.BadParameter(f"expected one of: {', '.join(words)}")
        return answer

    return checked


def _ask_which(console: Console, current: Current, kept_id: str | None) -> str:
    """Ask for the bike to set up, and return its id."""
    if current.is_example or not current.ids:
        return current.default_id
    for bike in current.bikes:
        print_words(
            console, f"  {bike.get('id')}  {bike.get('racer_name')} on {bike.get('driver')}"
        )
    explained = f"Which bike do you want to set up? Enter its id, or `{ADD}` for a new bike."
    default = kept_id if kept_id in current.ids else current.default_id
    default = ADD if kept_id and default != kept_id else default
    chosen = ask("Bike to set up", default, one_of(*current.ids, ADD), explained)
    if chosen != ADD:
        return chosen
    is_new_id = kept_id is not None and kept_id not in current.ids
    return ask("Id of the new bike", kept_id if is_new_id else current.next_id, config_check("id"))


def _ask_machine(
    current: Current,
    bike: Mapping[str, object],
    kept: Machine | None,
    look: Look,
    live: ShowLive,
) -> Machine | None:
    """Ask for the physical bike until the user accepts it; return None to keep the current one."""
    while True:
        machine = _chosen_machine(current, bike, kept, look)
        if machine is None or live is None or machine.driver == "fake":
            return machine
        question = (
            "Is this your bike?" if live(machine) else "The bike sent nothing. Set it up anyway?"
        )
        if agrees(question):
            return machine


def _chosen_machine(
    current: Current, bike: Mapping[str, object], kept: Machine | None, look: Look
) -> Machine | None:
    stays = bool(bike) and kept is None
    while True:
        found = [] if look is None else [_machine(*one) for one in look().bikes]
        numbers = {str(n): one for n, one in enumerate(found, start=1)}
        default = KEEP if stays else _proposed(numbers, current, kept)
        if default is None and look is not None:
            default = AGAIN
        answer = _ask_bike(numbers, default, may_look=look is not None, may_keep=bool(bike))
        if answer == KEEP:
            return None
        if answer in numbers:
            return numbers[answer]
        if kept is not None and answer == _name_of(kept):
            return kept
        if answer != AGAIN:
            return _named(answer)


def _proposed(numbers: Mapping[str, Machine], current: Current, kept: Machine | None) -> str | None:
    """Return the answer to propose: the bike of an earlier run, or one that has been found."""
    if kept is None:
        return next(_free(numbers, current), None)
    again = (number for number, found in numbers.items() if is_on(asdict(found), kept))
    return next(again, _name_of(kept))


def _name_of(machine: Machine) -> str | None:
    """Return the answer that names the bike; None for one that only a scan can name."""
    if machine.driver == "fake":
        return "fake"
    name = machine.options.get("address", machine.options.get("port"))
    return None if name is None else str(name)


def _machine(driver: str, found: FoundBike) -> Machine:
    return Machine(driver, found.options, f"{' '.join(found.name.split())}: {found.why}")


def _free(numbers: Mapping[str, Machine], current: Current) -> Iterator[str]:
    """Yield the numbers of the bikes that are not in the config yet."""
    for number, machine in numbers.items():
        if current.is_example or not any(is_on(bike, machine) for bike in current.bikes):
            yield number


def _ask_bike(
    numbers: Mapping[str, object], default: str | None, *, may_look: bool, may_keep: bool
) -> str:
    words = {AGAIN: "to scan again"} if may_look else {}
    if may_keep:
        words[KEEP] = "to leave this bike unchanged"

    def checked(answer: str) -> str:
        if answer not in numbers and answer not in words:
            try:
                named_bike(answer, None)
            except ProtocolMissing:
                return answer
            except NotABike as error:
                raise typer.BadParameter(str(error)) from None
        return answer

    ways = ["its number"] if numbers else []
    ways += [
        "its Bluetooth address",
        "its serial port",
        "`ant:` and its device number",
        "`fake` for a simulated bike",
        *(f"`{word}` {what}" for word, what in words.items()),
    ]
    explained = f"Which bike? Enter {', '.join(ways[:-1])}, or {ways[-1]}."
    return ask("Bike", default, checked, explained)


def _named(answer: str) -> Machine:
    try:
        return Machine(*named_bike(answer, None))
    except ProtocolMissing:
        names = list(SERIAL_PROTOCOLS)
        explained = f"Which protocol does the bike use? Enter one of: {', '.join(names)}."
        protocol = ask("Protocol", check=one_of(*names), explained=explained)
        return Machine(*named_bike(answer, protocol))


def _ask_racer(racer: dict[str, object], proposed: Mapping[str, object]) -> None:
    for key in RACER:
        if key not in racer:
            answer = ask(_RACER_QUESTIONS[key], proposed.get(key), config_check(key))
            racer[key] = answer if key == "racer_name" else int(answer)
