"""The completion of bash: completion.bash, with the options and arguments of each command.

    python -m systemd.package.completion

It starts no Python, so that it answers at once on a Pi too. completion.zsh and
completion.fish ask the command itself.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Any, get_args, get_type_hints

import typer

from systemd.package.commands import CommandNode, command_nodes

FRAME = Path(__file__).with_name("completion.bash")


def completion() -> str:
    """Return the script."""
    nodes = {node.path: node for node in command_nodes()}
    cases = "\n".join(_case(node, nodes) for node in nodes.values())
    return FRAME.read_text(encoding="utf-8").replace("@CASES@", cases)


def _case(node: CommandNode, nodes: dict[tuple[str, ...], CommandNode]) -> str:
    """Return the branch that describes a command; a group with a default verb accepts both."""
    default = nodes.get((*node.path, getattr(node.command, "default", "")), node)
    flags = " ".join(_flags(default))
    valued = " ".join(f"{name}:{kind}" for name, kind in _valued(default))
    arguments = " ".join(_kind(one, default) for one in _parameters(default, "argument"))
    return (
        f"    '{' '.join(node.path)}') verbs='{' '.join(node.verbs)}' flags='{flags}' "
        f"valued='{valued}' arguments='{arguments}' ;;"
    )


def _parameters(node: CommandNode, kind: str) -> Iterator[Any]:
    for parameter in node.command.params:
        if parameter.param_type_name == kind and not parameter.hidden:
            yield parameter


def _flags(node: CommandNode) -> Iterator[str]:
    for option in _parameters(node, "option"):
        if option.is_flag:
            yield from (*option.opts, *option.secondary_opts)
    yield from node.command.get_help_option_names(node.context)


def _valued(node: CommandNode) -> Iterator[tuple[str, str]]:
    for option in _parameters(node, "option"):
        if not option.is_flag:
            yield from ((name, _kind(option, node)) for name in option.opts)


def _kind(parameter: Any, node: CommandNode) -> str:
    """Return what completes a value: bike, file, words with commas between them, or none."""
    if parameter.name == "bike" and parameter.param_type_name == "argument":
        return "bike"
    hint = get_type_hints(node.command.callback).get(parameter.name)
    if {Path, typer.FileText} & {hint, *get_args(hint)}:
        return "file"
    words = [item.value for item in parameter.shell_complete(node.context, "") if item.value]
    return ",".join(words) or "none"


if __name__ == "__main__":
    print(completion(), end="")
