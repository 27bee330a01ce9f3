"""Prints a report as text."""

import os
from collections.abc import Collection

from rich import box
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from tests.bench.report import Report
from tests.bench.row import Row

#: Load per core before the first row, above which the report warns of a busy machine.
BUSY = 0.25
VERDICTS = {True: "[green]reached[/]", False: "[bold red]missed[/]", None: "–"}


def print_report(console: Console, report: Report, names: Collection[str]) -> None:
    """Print the rows, the peers, and the missed targets. `names`: the requested rows."""
    console.print(_targets(report.rows))
    for row in report.rows:
        if row.name == "peers":
            console.print(_peers(row))
    console.print(", ".join(f"{key} {value}" for key, value in report.machine.items()))
    if report.load_before > BUSY * (os.cpu_count() or 1):
        console.print("[bold]The machine was busy with other work[/]: the times are too long.")
    missed = [row for row in report.targets if not row.reached]
    reached = len(report.targets) - len(missed)
    console.print(f"\n{reached} of {len(report.targets)} targets reached.")
    for row in missed:
        console.print(f"[bold red]missed[/]  {escape(row.what)}: {escape(row.value)}", end="")
        console.print(f" (target: {escape(row.target)})")
        for line in row.details.get("behind", []):
            console.print(f"          {escape(line)}")
    for name in names:
        if name not in [row.name for row in report.rows]:
            console.print(f"[bold red]not measured[/]  {name}")


def _targets(rows: list[Row]) -> Table:
    table = Table(show_lines=True)
    for header, ratio in (("what", 5), ("target", 3), ("measured", 2), ("details", 6), ("", 1)):
        table.add_column(header, ratio=ratio, no_wrap=not header)
    for row in rows:
        texts = (escape(text) for text in (row.what, row.target, row.value, row.context))
        table.add_row(*texts, VERDICTS[row.reached])
    return table


def _peers(row: Row) -> Table:
    """Return a table of each queue's messages/s and bytes per message, by messages a tick."""
    details = row.details
    results = {(one["setup"], one["per_tick"]): one for one in details["results"]}
    ticks = sorted({one["per_tick"] for one in details["results"]})
    title = f"{details['messages']:,} messages put, read in order, acknowledged; by messages a tick"
    table = Table(title=title, box=box.SIMPLE, padding=(0, 1, 0, 0))
    for header in ("queue", "setting", "writes as", "fsync"):
        table.add_column(header)
    for header in ("messages/s", "B/message"):
        for per_tick in ticks:
            table.add_column(f"{header}\n{per_tick} a tick", justify="right")
    for setup in details["setups"]:
        of_ticks = [results[setup["name"], per_tick] for per_tick in ticks]
        table.add_row(
            f"{setup['label']} {of_ticks[0]['version']}",
            *(setup["setting"], of_ticks[0]["mode"], "yes" if setup["is_synced"] else "no"),
            *(f"{one['messages_per_s']:,.0f}" for one in of_ticks),
            *(f"{one['bytes_per_message']:,.0f}" for one in of_ticks),
        )
    return table
