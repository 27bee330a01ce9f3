"""A group of commands with a default command."""

from typing import Any

from typer.core import TyperGroup

HELP = "--help"


class DefaultVerbGroup(TyperGroup):
    """A command group in which `GROUP ARGUMENTS` means `GROUP DEFAULT ARGUMENTS`.

    This also applies if options come first, except for `--help`, which shows the group's help.
    """

    default = "resistance"

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        if args and args[0] not in self.commands and args[0] != HELP:
            args = [self.default, *args]
        return super().parse_args(ctx, args)

    def collect_usage_pieces(self, ctx: Any) -> list[str]:
        """Return the subcommand alone: the group's only option is `--help`."""
        return [self.subcommand_metavar]

    def shell_complete(self, ctx: Any, incomplete: str) -> list[Any]:
        """Return the verbs, and the default verb's options."""
        found = super().shell_complete(ctx, incomplete)
        default = self.commands.get(self.default)
        if default is None:
            return found
        with default.make_context(self.default, [], parent=ctx, resilient_parsing=True) as below:
            known = {item.value for item in found}
            more = default.shell_complete(below, incomplete)
            return [*found, *(item for item in more if item.value not in known)]
