"""A group of verbs of which one may be left out."""

from typing import Any

from typer.core import TyperGroup

HELP = "--help"


class DefaultVerbGroup(TyperGroup):
    """`GROUP ARGUMENTS` is `GROUP DEFAULT ARGUMENTS`, also when options come first.

    `--help` as the first word is the group's own.
    """

    default = "resistance"

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        if args and args[0] not in self.commands and args[0] != HELP:
            args = [self.default, *args]
        return super().parse_args(ctx, args)

    def collect_usage_pieces(self, ctx: Any) -> list[str]:
        """Its own options are none but `--help`."""
        return [self.subcommand_metavar]

    def shell_complete(self, ctx: Any, incomplete: str) -> list[Any]:
        """The verbs, and the options of the one that may be left out."""
        found = super().shell_complete(ctx, incomplete)
        default = self.commands.get(self.default)
        if default is None:
            return found
        with default.make_context(self.default, [], parent=ctx, resilient_parsing=True) as below:
            known = {item.value for item in found}
            more = default.shell_complete(below, incomplete)
            return [*found, *(item for item in more if item.value not in known)]
