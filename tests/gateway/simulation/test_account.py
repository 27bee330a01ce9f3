from dataclasses import replace

from gateway.simulation.account import BAD, GOOD, account_lines, class_lines
from tests.gateway.simulation.test_scene import STREAM, demo_summary, fleet_summary


def test_account_of_a_race_without_loss_has_only_good_news() -> None:
    styles = {style for _, style in account_lines(demo_summary())}
    assert styles == {GOOD, ""}


def test_account_marks_a_loss() -> None:
    lossy = demo_summary(replace(STREAM, records=119))
    bad = [text for text, style in account_lines(lossy) if style == BAD]
    assert bad == ["119 of 120 messages in the stream: 1 LOST, 0 duplicates"]


def test_account_names_the_best_records_of_each_class() -> None:
    assert list(class_lines(fleet_summary())) == ["class 2, personal records: Ada 128.2"]
