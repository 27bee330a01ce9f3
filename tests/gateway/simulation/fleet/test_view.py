import io

from rich.console import Console

from gateway.simulation.fleet.plan import FleetOptions, Plan
from gateway.simulation.fleet.view import print_bill, print_plan


def console() -> Console:
    return Console(file=io.StringIO(), width=200)


def printed(console: Console) -> str:
    assert isinstance(console.file, io.StringIO)
    return console.file.getvalue()


def test_print_plan_tells_what_is_assumed_and_what_would_not_fit() -> None:
    wide = console()
    print_plan(wide, Plan(FleetOptions(2000, 300)), "127.0.0.1:8883")
    assert "2,000 racers on 2,000 connections to 127.0.0.1:8883" in printed(wide)
    assert "one race of 300 s in class 1, 600,000 messages" in printed(wide)
    assert "AWS allows an account 500 a second" in printed(wide)
    assert "AWS would throttle 1,000 a second" in printed(wide)


def test_print_plan_lists_the_classes_of_the_races() -> None:
    wide = console()
    print_plan(wide, Plan(FleetOptions(20, 60, races=3, classes=(2, 5))), "127.0.0.1:8883")
    assert "3 races of 60 s in classes 2, 5, 1,200 messages" in printed(wide)


def test_print_bill_names_each_price_its_source_and_the_sum() -> None:
    wide = console()
    print_bill(wide, Plan(FleetOptions(1000, 300)))
    bill = printed(wide)
    assert "us-east-1" in bill
    assert "aws.amazon.com/iot-core/pricing" in bill
    [total] = [row for row in bill.splitlines() if row.strip().startswith("total")]
    assert total.split()[-1] == "0.40"
