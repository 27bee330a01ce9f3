"""What is done about a Bluetooth adapter that fails and fails."""

from drivers.ble.recovery import (
    FORGET_AFTER,
    POWER_CYCLE_AFTER,
    POWER_CYCLE_EVERY_NS,
    Recovery,
    RecoveryStep,
)


def steps(
    recovery: Recovery, count: int, now_ns: int = 0, others: bool = False
) -> list[RecoveryStep]:
    return [recovery.failed("A", now_ns, others_connected=others) for _ in range(count)]


def test_first_it_waits_then_the_bike_is_forgotten_then_the_adapter_cycled() -> None:
    taken = steps(Recovery(), POWER_CYCLE_AFTER)
    assert taken[: FORGET_AFTER - 1] == [RecoveryStep.WAIT] * (FORGET_AFTER - 1)
    assert taken[FORGET_AFTER - 1] is RecoveryStep.FORGET_BIKE
    assert taken[-1] is RecoveryStep.POWER_CYCLE
    assert RecoveryStep.POWER_CYCLE not in taken[:-1]


def test_a_connection_ends_the_count() -> None:
    recovery = Recovery()
    steps(recovery, POWER_CYCLE_AFTER - 1)
    recovery.succeeded()
    assert RecoveryStep.POWER_CYCLE not in steps(recovery, POWER_CYCLE_AFTER - 1)


def test_an_adapter_that_serves_others_is_left_alone() -> None:
    assert RecoveryStep.POWER_CYCLE not in steps(Recovery(), 10 * POWER_CYCLE_AFTER, others=True)


def test_several_bikes_that_fail_speak_against_the_adapter_not_against_themselves() -> None:
    recovery = Recovery()
    taken = [
        recovery.failed(f"bike {n % 4}", 0, others_connected=False)
        for n in range(POWER_CYCLE_AFTER)
    ]
    assert taken == [RecoveryStep.WAIT] * (POWER_CYCLE_AFTER - 1) + [RecoveryStep.POWER_CYCLE]


def test_it_is_not_cycled_again_too_soon() -> None:
    recovery = Recovery()
    steps(recovery, POWER_CYCLE_AFTER, now_ns=7)
    soon_ns = 7 + POWER_CYCLE_EVERY_NS - 1
    assert RecoveryStep.POWER_CYCLE not in steps(recovery, 3 * POWER_CYCLE_AFTER, soon_ns)
    assert recovery.failed("A", soon_ns + 1, others_connected=False) is RecoveryStep.POWER_CYCLE
