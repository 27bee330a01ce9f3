"""The commands of alleycat-gateway with their parameters, for manual page and completion."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import typer
from typer.main import get_command

from gateway.cli.app import app

NAME = "alleycat-gateway"


@dataclass(frozen=True, slots=True)
class CommandNode:
    """A command. `path`: its words after the program's name; empty for the program itself."""

    path: tuple[str, ...]
    command: Any
    context: typer.Context

    @property
    def verbs(self) -> dict[str, Any]:
        """The commands of a group; empty for a single command."""
        verbs: dict[str, Any] = getattr(self.command, "commands", {})
        return verbs

    @property
    def usage(self) -> str:
        """The line after the program's name, without the marks that typer puts around arguments."""
        pieces = " ".join(self.command.collect_usage_pieces(self.context))
        plain = pieces.replace("{", "").replace("}", "").replace("[[", "[").replace("]]", "]")
        return " ".join((*self.path, plain))


def command_nodes() -> Iterator[CommandNode]:
    """Yield the program and all its commands, each group before its own commands."""
    command: Any = get_command(app)
    yield from _nodes(CommandNode((), command, command.context_class(command, info_name=NAME)))


def _nodes(node: CommandNode) -> Iterator[CommandNode]:
    yield node
    for verb, command in node.verbs.items():
        context = command.context_class(command, info_name=verb, parent=node.context)
        yield from _nodes(CommandNode((*node.path, verb), command, context))
