"""A report on terminals of two widths, and as JSON."""

import io
import json

import pytest
from rich.console import Console

from gateway.doctor.all_checks import Report
from gateway.doctor.view import report_json, show_report
from gateway.terminal.finding import failed, ok, warning

REPORT = Report(
    [
        ok("config", "gateway.toml: gateway-1 → broker.example; bikes: bike-001 (ble)"),
        warning("certificate", "cert.pem expires in 12 days, on 2026-12-03", "get a new one"),
        failed("bluetooth", "Bluetooth is blocked by [rfkill]", "sudo rfkill unblock bluetooth"),
    ],
    {"alleycat-gateway": "0.1.0", "kernel": "6.1 aarch64"},
)


def shown(report: Report, width: int) -> str:
    file = io.StringIO()
    show_report(Console(file=file, width=width), report)
    return file.getvalue()


@pytest.mark.parametrize("width", [80, 120])
def test_each_finding_has_its_line_and_its_remedy_below_it(width: int) -> None:
    lines = [line.rstrip() for line in shown(REPORT, width).splitlines()]
    assert max(map(len, lines)) <= width
    assert "ok       config       gateway.toml: gateway-1 → broker.example; bikes:" in lines[0]
    at = lines.index("failed   bluetooth    Bluetooth is blocked by [rfkill]")
    assert lines[at + 1].strip() == "→ sudo rfkill unblock bluetooth"


def test_report_ends_with_the_counts_and_the_versions() -> None:
    text = shown(REPORT, 80)
    assert "\n1 failed, 1 warning\n" in text
    assert "For a bug report: alleycat-gateway 0.1.0, kernel 6.1 aarch64\n" in text


def test_report_tells_when_all_is_well() -> None:
    assert "\nall well\n" in shown(Report([ok("config", "x")], {}), 80)


def test_report_json_has_findings_and_versions() -> None:
    said = json.loads(report_json(REPORT))
    assert said["ok"] is False
    assert said["summary"] == "1 failed, 1 warning"
    assert said["findings"][2] == {
        "name": "bluetooth",
        "state": "failed",
        "what": "Bluetooth is blocked by [rfkill]",
        "remedy": "sudo rfkill unblock bluetooth",
    }
    assert said["versions"]["kernel"] == "6.1 aarch64"
