"""The owner's page on a stage, and what an owner may see there."""

import json
from dataclasses import dataclass, replace
from typing import Any

from playwright.sync_api import Page

from gateway.bike.status import RadioStatus
from gateway.doctor.all_checks import Report
from gateway.doctor.view import report_json
from gateway.race.results import Place
from gateway.status.report import status_to_json
from gateway.status.snapshot import GatewayStatus
from gateway.terminal.finding import failed, ok, warning
from gateway.web.owner.status_words import status_words_json
from tests.browser.stage import Stage
from tests.support.statuses import bike_status, buffer_status, gateway_status, lost_bike, offline

LOG = [
    {"at_ms": 3_600_000, "level": "info", "text": "gateway started bikes=2 buffered=0"},
    {"at_ms": 3_601_000, "level": "warning", "text": "bike lost bike=bike-001 reason=silence"},
    {"at_ms": 3_602_000, "level": "error", "text": "disk full path=/var/lib/alleycat-gateway"},
]
REPORT = Report(
    [
        ok("config", "gateway.toml: gateway-1 → broker.example; bikes: bike-001 (ble)"),
        warning("certificate", "cert.pem expires in 12 days, on 2026-12-03", "get a new one"),
        failed("bluetooth", "Bluetooth is blocked by rfkill", "sudo rfkill unblock bluetooth"),
    ],
    {"alleycat-gateway": "0.1.0", "kernel": "6.1 aarch64"},
)


@dataclass(frozen=True)
class OwnerScene:
    """A status, the state of a check, and whether the gateway goes away after it."""

    status: GatewayStatus
    check: dict[str, Any] | None = None
    is_gone: bool = False


PLACE = Place(3, 12, 138.05, 0.3, 9, 142.3, 0.4)
TWO = (
    bike_status(1, radio=RadioStatus("hci0", -63, 2.0), losses_per_hour=2),
    bike_status(2, racer_name="Chloé"),
)
TROUBLE = gateway_status(
    lost_bike(1),
    bike_status(2),
    cloud=offline(),
    buffer=buffer_status(depth=1440, on_disk=1440, problem="no space left on the device"),
    clock_is_set=False,
    clock_source=None,
)
CHECKED = {"is_running": False, "report": json.loads(report_json(REPORT))}

OWNER_SCENES = {
    "well": OwnerScene(gateway_status(*TWO)),
    "attention": OwnerScene(TROUBLE),
    "not-set-up": OwnerScene(replace(gateway_status(is_set_up=False), bikes=())),
    "checking": OwnerScene(gateway_status(*TWO), {"is_running": True, "report": None}),
    "checked": OwnerScene(gateway_status(*TWO), CHECKED),
    "many": OwnerScene(gateway_status(*(bike_status(number) for number in range(1, 21)))),
    "gone": OwnerScene(gateway_status(*TWO), is_gone=True),
}


class OwnerStage(Stage):
    """The owner's page, opened when its first scene is played."""

    def __init__(self, page: Page) -> None:
        super().__init__(page, "gateway.html")

    def play(self, scene: OwnerScene) -> None:
        """Open the page and show a scene."""
        self.open("gateway")
        self.send("hello", {"version": "0.1.0"})
        self.send("logs", LOG)
        self.show(scene.status)
        if scene.check is not None:
            self.send("check", scene.check)
        if scene.is_gone:
            self.wait(3)

    def show(self, status: GatewayStatus) -> None:
        """Show another status on the open page."""
        self.send("status", status_to_json(status))
        self.send("words", status_words_json(status))
