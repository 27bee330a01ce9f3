"""Edits to a config's text that keep comments, order and everything that was not changed."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import tomlkit
from tomlkit.items import AoT, Comment, Item, Key, Table, Whitespace

from gateway.config.cloud import is_this_machine
from gateway.config.toml import toml_value
from gateway.host.errors import BAD_CONFIG, GatewayError
from gateway.terminal.printable import one_line

#: Keys of a bike's table that apply only to the physical bike, not to its rider.
_PHYSICAL_KEYS = ("stale_after_s", "calibration")
_TLS_FILES = ("ca_file", "certificate_file", "private_key_file")
PLAIN_PORT, TLS_PORT = 1883, 8883
#: The cloud table until a cloud is configured: a broker on this computer, which need not exist.
NO_CLOUD = {"endpoint": "127.0.0.1", "port": PLAIN_PORT, "plaintext": True}


class NotEditable(GatewayError):
    """The config is TOML, but in a layout that cannot be edited. The text names the layout."""

    exit_code = BAD_CONFIG


@dataclass(frozen=True, slots=True)
class Machine:
    """A physical bike: its driver, and the options that identify it. `comment`: one line."""

    driver: str
    options: Mapping[str, object]
    comment: str = ""


@dataclass(frozen=True, slots=True)
class BikeChange:
    """The changes to the bike `id`, which is added if missing. None leaves a part unchanged."""

    id: str
    machine: Machine | None = None
    racer: Mapping[str, object] | None = None


@dataclass(frozen=True, slots=True)
class Change:
    """The changes to a config. None leaves a part unchanged.

    `cloud`: keys of that table; one whose value is None is removed.
    """

    thing_name: str | None = None
    cloud: Mapping[str, object] | None = None
    bike: BikeChange | None = None
    state_dir: str | None = None


def edited(text: str, change: Change) -> str:
    """Return the text with the change applied. Raises NotEditable, and tomlkit's ParseError."""
    document = tomlkit.parse(text)
    if change.thing_name is not None:
        _set(document, "thing_name", change.thing_name)
    if change.state_dir is not None:
        _set(document, "state_dir", change.state_dir)
    if change.cloud:
        cloud = document.setdefault("cloud", tomlkit.table())
        for key, value in _completed(change.cloud, cloud).items():
            _set(cloud, key, value)
    if change.bike is not None:
        _change_bike(document, change.bike)
    return tomlkit.dumps(document)


def _completed(change: Mapping[str, object], cloud: Mapping[str, object]) -> dict[str, object]:
    """Turn on TLS, with its port, if a plaintext cloud gets a PEM file or leaves this computer."""
    endpoint = str(change.get("endpoint", "127.0.0.1"))
    stays_plain = is_this_machine(endpoint) and not any(change.get(key) for key in _TLS_FILES)
    if stays_plain or not cloud.get("plaintext"):
        return dict(change)
    port = TLS_PORT if cloud.get("port") == PLAIN_PORT else cloud.get("port", TLS_PORT)
    return {"port": port, "plaintext": False, **change}


def _set(table: Any, key: str, value: object) -> None:
    """Set the key, unless it has this value already: its spelling is then kept. None removes it."""
    if value is None:
        table.pop(key, None)
    elif key not in table or table[key] != value:
        table[key] = _item(value)


def _item(value: object) -> Item:
    """Return the value in the form that the config has, which a terminal can show."""
    return tomlkit.value(toml_value(value))


def template_of(text: str) -> str:
    """Return the config with its first bike alone, and without what belongs to that bike only."""
    document = tomlkit.parse(text)
    bikes = document.get("bikes")
    if not isinstance(bikes, AoT) or not bikes:
        return text
    del bikes[1:]
    bikes[0].pop("calibration", None)
    return tomlkit.dumps(document)


def _change_bike(document: tomlkit.TOMLDocument, change: BikeChange) -> None:
    bikes = document.setdefault("bikes", tomlkit.aot())
    if not isinstance(bikes, AoT):
        raise NotEditable(
            "setup can edit only bikes that are written as [[bikes]] tables; rewrite the bikes in "
            "that form"
        )
    ids = [bike.get("id") for bike in bikes]
    if change.id not in ids:
        bikes.append(_new_bike(change))
        return
    index = ids.index(change.id)
    for key, value in (change.racer or {}).items():
        _set(bikes[index], key, value)
    if change.machine is not None and not is_on(bikes[index], change.machine):
        bikes[index] = _moved(bikes[index], change.machine)


def _new_bike(change: BikeChange) -> Table:
    table = tomlkit.table()
    assert change.machine is not None
    table.trivia.indent = "\n"
    if change.machine.comment:
        table.comment(one_line(change.machine.comment))
    table["id"] = _item(change.id)
    for key, value in (change.racer or {}).items():
        table[key] = _item(value)
    table["driver"] = _item(change.machine.driver)
    table["options"] = _item(change.machine.options)
    return table


def is_on(bike: Mapping[str, Any], machine: Machine) -> bool:
    """Return whether the config's bike is this one. Further options do not matter."""
    options = bike.get("options", {})
    return bike.get("driver") == machine.driver and all(
        options.get(key) == value for key, value in machine.options.items()
    )


def _moved(bike: Table, machine: Machine) -> Table:
    """Return the bike's table for another physical bike; the old one's options become comments."""
    bike["driver"] = _item(machine.driver)
    bike["options"] = _other_options(bike.get("options"), machine.options)
    table = tomlkit.table()
    for key, item in bike.value.body:
        if isinstance(item, Comment | Whitespace):
            table.add(item)
        elif key is None:
            continue
        elif key.key in _PHYSICAL_KEYS:
            _add_all(table, _as_comments(key, item, bike))
        else:
            table.append(key, item)
    return table


def _other_options(old: Item | None, options: Mapping[str, object]) -> Item:
    if not isinstance(old, Table):
        return _item(options)
    table = tomlkit.table()
    for key, value in options.items():
        table[key] = _item(value)
    _add_all(table, _body_as_comments(old, "bikes.options"))
    return table


def _add_all(table: Table, items: Iterator[Comment | Whitespace]) -> None:
    for item in items:
        table.add(item)


def _body_as_comments(table: Table, name: str) -> Iterator[Comment | Whitespace]:
    """Yield the content of a table as comments, nested tables included."""
    for key, item in table.value.body:
        if isinstance(item, Comment | Whitespace):
            yield item
        elif isinstance(item, Table):
            assert key is not None
            yield tomlkit.comment(f"[{name}.{key.key}]")
            yield from _body_as_comments(item, f"{name}.{key.key}")
        else:
            yield from _as_comments(key, item, table)


def _as_comments(key: Key | None, item: Item, table: Table) -> Iterator[Comment]:
    """Yield the item as comment lines, except those that the table already contains."""
    assert key is not None
    there = {one.as_string().strip() for _, one in table.value.body if isinstance(one, Comment)}
    value = f"{item.as_string()}{item.trivia.comment_ws}{item.trivia.comment}"
    for line in f"{key.as_string().strip()} = {value}".splitlines():
        if f"# {line.rstrip()}" not in there:
            yield tomlkit.comment(line.rstrip())
