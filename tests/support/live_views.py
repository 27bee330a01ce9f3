"""A LiveView that keeps its screens and events."""

from collections.abc import Mapping
from typing import Any

from gateway.terminal.live import Event


class KeptView:
    """The last screen, and all events."""

    def __init__(self) -> None:
        self.screen: Any = None
        self.told: list[tuple[str, str]] = []
        self.data: dict[str, Mapping[str, object]] = {}

    def show(self, screen: Any, now_ns: int) -> None:
        self.screen = screen

    def tell(self, event: Event) -> None:
        self.told.append((event.kind, event.words))
        self.data[event.kind] = event.data

    def suspend(self) -> None: ...

    def resume(self) -> None: ...
