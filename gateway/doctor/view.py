"""The report as text for a terminal, a line per finding, and as JSON for programs."""

import json
from collections import Counter
from collections.abc import Iterable
from dataclasses import asdict

from rich.console import Console
from rich.table import Table
from rich.text import Text

from gateway.doctor.all_checks import Report
from gateway.terminal.finding import Finding, State
from gateway.terminal.units import counted
from gateway.terminal.unpadded import Unpadded

_STYLES = {State.OK: "green", State.WARNING: "yellow", State.FAILED: "red"}


def show_report(console: Console, report: Report) -> None:
    """Print each finding with its remedy, then the versions that a bug report needs."""
    show_findings(console, report.findings)
    console.print(f"\n{_summary(report.findings)}", highlight=False)
    versions = ", ".join(f"{name} {version}" for name, version in report.versions.items())
    console.print(f"For a bug report: {versions}", markup=False, highlight=False)


def show_findings(console: Console, findings: Iterable[Finding]) -> None:
    """Print each finding with its remedy."""
    table = Table.grid(padding=(0, 2))
    table.add_column(no_wrap=True)
    table.add_column(no_wrap=True)
    table.add_column(overflow="fold")
    for one in findings:
        table.add_row(Text(one.state, _STYLES[one.state]), one.name, _words(one))
    console.print(Unpadded(table))


def _words(finding: Finding) -> Text:
    text = Text(finding.what)
    if finding.remedy:
        text.append(f"\n→ {finding.remedy}", "bold")
    return text


def _summary(findings: list[Finding]) -> str:
    counts = Counter(one.state for one in findings)
    wrong = [f"{counts[State.FAILED]} failed"] if counts[State.FAILED] else []
    if counts[State.WARNING]:
        wrong.append(counted(counts[State.WARNING], "warning"))
    return ", ".join(wrong) or "all well"


def report_json(report: Report) -> str:
    """Return one line of JSON: `ok`, `summary`, `findings` and `versions`."""
    fields = {
        "ok": report.is_well,
        "summary": _summary(report.findings),
        "findings": [asdict(one) for one in report.findings],
        "versions": report.versions,
    }
    return json.dumps(fields)
