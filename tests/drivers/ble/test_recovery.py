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


def test_recovery_waits_then_forgets_the_bike_then_cycles_the_adapter() -> None:
    taken = steps(Recovery(), POWER_CYCLE_AFTER)
    assert taken[: FORGET_AFTER - 1] == [RecoveryStep.WAIT] * (FORGET_AFTER - 1)
    assert taken[FORGET_AFTER - 1] is RecoveryStep.FORGET_BIKE
    assert taken[-1] is RecoveryStep.POWER_CYCLE
    assert RecoveryStep.POWER_CYCLE not in taken[:-1]


def test_connection_resets_the_count_of_failures() -> None:
    recovery = Recovery()
    steps(recovery, POWER_CYCLE_AFTER - 1)
    recovery.succeeded()
    assert RecoveryStep.POWER_CYCLE not in steps(recovery, POWER_CYCLE_AFTER - 1)


def test_adapter_with_other_connections_is_not_power_cycled() -> None:
    assert RecoveryStep.POWER_CYCLE not in steps(Recovery(), 10 * POWER_CYCLE_AFTER, others=True)


def test_failures_of_several_bikes_cycle_the_adapter_and_forget_no_bike() -> None:
    recovery = Recovery()
    taken = [
        recovery.failed(f"bike {n % 4}", 0, others_connected=False)
        for n in range(POWER_CYCLE_AFTER)
    ]
    assert taken == [RecoveryStep.WAIT] * (POWER_CYCLE_AFTER - 1) + [RecoveryStep.POWER_CYCLE]


def test_adapter_is_not_power_cycled_again_too_soon() -> None:
    recovery = Recovery()
    steps(recovery, POWER_CYCLE_AFTER, now_ns=7)
    soon_ns = 7 + POWER_CYCLE_EVERY_NS - 1
    assert RecoveryStep.POWER_CYCLE not in steps(recovery, 3 * POWER_CYCLE_AFTER, soon_ns)
    assert recovery.failed("A", soon_ns + 1, others_connected=False) is RecoveryStep.POWER_CYCLE
