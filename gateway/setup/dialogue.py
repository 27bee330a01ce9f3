"""The questions of `setup`, with the current values as defaults. Ctrl-C raises Abort."""

import asyncio
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import typer
from rich.console import Console

from drivers.discovery import Discoverer, FoundBike
from drivers.serial_line.driver import SERIAL_PROTOCOLS
from gateway.config.editor import Machine, is_on
from gateway.config.schema import is_this_machine
from gateway.setup.answers import FILES, LATER, RACER, Answers, Current, problem_of
from gateway.setup.bike_spec import NotABike, ProtocolMissing, named_bike
from gateway.setup.scan import Scan, scan_all

ADD, AGAIN, KEEP = "add", "again", "keep"

_RACER_QUESTIONS = {
    "racer_name": "Racer's first name",
    "racer_id": "Racer's id (a number)",
    "class_id": "Racer's starting class, 1 … 6",
}
_FILE_QUESTIONS = {
    "ca_file": "CA file (AWS: AmazonRootCA1.pem)",
    "certificate_file": "Certificate file",
    "private_key_file": "Private key file",
}
#: The service can read files in this directory.
_DEFAULT_FILES = {
    "ca_file": "/etc/alleycat-gateway/AmazonRootCA1.pem",
    "certificate_file": "/etc/alleycat-gateway/certificate.pem.crt",
    "private_key_file": "/etc/alleycat-gateway/private.pem.key",
}

#: Scans for bikes; None if the user does not want a scan.
Look = Callable[[], Scan] | None


def ask_all(console: Console, current: Current, given: Answers, look: Look) -> Answers:
    """Ask for everything missing in `given`; return all answers. A kept bike stays None."""
    bike_id = given.bike_id or _ask_which(console, current)
    bike = current.bike(bike_id) if current.has_rider(bike_id) else {}
    machine = given.machine or _ask_machine(console, current, bike, look)
    racer = {**_ask_racer(given.racer, bike), **given.racer}
    answers = Answers(bike_id, machine, given.thing_name, racer, given.cloud)
    if given.cloud is None:
        _ask_cloud(console, current, answers)
    return answers


def look_around(console: Console, discoverers: Mapping[str, Discoverer], seconds: float) -> Scan:
    """Scan, and print a numbered list of the bikes found; heart-rate straps are left out."""
    names = ", ".join(discoverers)
    console.print(f"Scanning for bikes for {seconds:g} s: {names} …", highlight=False)
    console.print("Pedal a few turns: most bikes sleep until they are pedalled.")
    numbers: list[FoundBike] = []

    def show(driver: str, bike: FoundBike) -> None:
        if not bike.is_companion:
            numbers.append(bike)
            signal = "" if bike.rssi_dbm is None else f"{bike.rssi_dbm} dBm  "
            line = f"  {len(numbers)}  {bike.name}  {bike.where}  {signal}{driver}: {bike.why}"
            console.print(line, soft_wrap=True, markup=False, highlight=False)

    scan = asyncio.run(scan_all(discoverers, seconds, show))
    for name, problem in scan.problems.items():
        console.print(f"{name}: {problem}", style="yellow", soft_wrap=True, markup=False)
    if not numbers and len(scan.problems) < len(discoverers):
        console.print(
            "No bike was found. Pedal to wake it, bring it closer, and disconnect it from other "
            "apps."
        )
    return Scan([one for one in scan.bikes if not one[1].is_companion], scan.problems)


def _ask(question: str, key: str, default: object = None) -> str:
    """Ask until the answer is valid in the config."""

    def checked(answer: str) -> str:
        problem = problem_of(key, answer.strip())
        if problem is not None:
            raise typer.BadParameter(problem)
        return answer.strip()

    shown = None if default is None else str(default)
    answer: str = typer.prompt(question, default=shown, value_proc=checked)
    return answer


def _ask_which(console: Console, current: Current) -> str:
    """Ask for the bike to set up, and return its id."""
    if current.is_example or not current.ids:
        return current.default_id
    for bike in current.bikes:
        line = f"  {bike.get('id')}  {bike.get('racer_name')} on {bike.get('driver')}"
        console.print(line, soft_wrap=True, markup=False, highlight=False)

    def checked(answer: str) -> str:
        if answer.strip() not in (*current.ids, ADD):
            raise typer.BadParameter(f"expected one of: {', '.join(current.ids)}, {ADD}")
        return answer.strip()

    question = f"Which bike do you want to set up? Enter its id, or `{ADD}` for a new bike"
    chosen: str = typer.prompt(question, default=current.default_id, value_proc=checked)
    return _ask("Id of the new bike", "id", current.next_id) if chosen == ADD else chosen


def _ask_machine(
    console: Console, current: Current, bike: Mapping[str, object], look: Look
) -> Machine | None:
    """Ask for the physical bike; return None to keep the current one."""
    stays = bool(bike) and (look is None or bike.get("driver") != "fake")
    while True:
        found = [] if look is None else [_machine(*one) for one in look().bikes]
        numbers = {str(n): one for n, one in enumerate(found, start=1)}
        otherwise = None if look is None else AGAIN
        default = KEEP if stays else next(_free(numbers, current), otherwise)
        answer = _ask_bike(numbers, default, may_look=look is not None, may_keep=bool(bike))
        if answer == KEEP:
            return None
        if answer in numbers:
            return numbers[answer]
        if answer != AGAIN:
            return _named(answer)


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
        answer = answer.strip()
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
        "`fake` for a simulated bike",
        *(f"`{word}` {what}" for word, what in words.items()),
    ]
    question = f"Which bike? Enter {', '.join(ways[:-1])}, or {ways[-1]}"
    chosen: str = typer.prompt(question, default=default, value_proc=checked)
    return chosen


def _named(answer: str) -> Machine:
    try:
        return Machine(*named_bike(answer, None))
    except ProtocolMissing:
        names = list(SERIAL_PROTOCOLS)

        def checked(protocol: str) -> str:
            if protocol.strip() not in names:
                raise typer.BadParameter(f"expected one of: {', '.join(names)}")
            return protocol.strip()

        question = f"Which protocol does the bike use ({', '.join(names)})"
        return Machine(*named_bike(answer, typer.prompt(question, value_proc=checked)))


def _ask_racer(given: Mapping[str, object], bike: Mapping[str, object]) -> dict[str, object]:
    answers: dict[str, object] = {}
    for key in RACER:
        if key not in given:
            answer = _ask(_RACER_QUESTIONS[key], key, bike.get(key))
            answers[key] = answer if key == "racer_name" else int(answer)
    return answers


def _ask_cloud(console: Console, current: Current, answers: Answers) -> None:
    now = current.cloud
    is_later = current.is_new or bool(now.get("plaintext"))
    endpoint = _ask(
        "AWS IoT endpoint, or your broker's host name; "
        f"enter `{LATER}` to set up the cloud another time",
        "endpoint",
        LATER if is_later else now.get("endpoint"),
    )
    if endpoint == LATER:
        return
    if endpoint == now.get("endpoint") and (is_this_machine(endpoint) or not is_later):
        return
    files = _ask_files(now)
    if files is None:
        console.print(
            "No cloud is set up yet. When you have the certificate, run `alleycat-gateway setup` "
            "again.",
            highlight=False,
        )
        return
    answers.cloud = {"endpoint": endpoint, **files}
    if answers.thing_name is None:
        name = current.data.get("thing_name")
        answers.thing_name = _ask("This gateway's name as a thing in AWS IoT", "thing_name", name)


def _ask_files(now: Mapping[str, object]) -> dict[str, object] | None:
    files: dict[str, object] = {}
    for key in FILES:
        default = now.get(key) or _DEFAULT_FILES[key]
        question = f"{_FILE_QUESTIONS[key]}, or `{LATER}`"
        answer: str = typer.prompt(question, default=default, value_proc=_a_file)
        if answer == LATER:
            return None
        files[key] = answer
    return files


def _a_file(answer: str) -> str:
    answer = answer.strip()
    if answer != LATER and not Path(answer).is_file():
        raise typer.BadParameter(f"{answer}: no such file")
    return answer
