from gateway.timing.pulse import Pulse
from gateway.timing.units import NS_PER_S
from tests.support.virtual_clock import VirtualClock


def test_pulse_has_the_name_and_the_wake_of_its_loop_and_patience_if_it_needs_some() -> None:
    woken: list[str] = []
    pulse = Pulse("publisher", VirtualClock(), lambda: woken.append("publisher"))
    assert (pulse.name, pulse.patience) == ("publisher", 1)
    pulse.wake()
    assert woken == ["publisher"]
    assert Pulse("buffer", VirtualClock(), lambda: None, patience=3).patience == 3


async def test_pulse_is_silent_since_its_last_beat() -> None:
    clock = VirtualClock()
    pulse = Pulse("publisher", clock, wake=lambda: None)
    await clock.run_for(3)
    assert pulse.silent_ns == 3 * NS_PER_S
    pulse.beat()
    await clock.run_for(1)
    assert pulse.silent_ns == NS_PER_S


async def test_pulse_is_not_silent_while_the_process_stands_still() -> None:
    clock = VirtualClock()
    pulse = Pulse("publisher", clock, wake=lambda: None)
    clock.stall(25)
    await clock.run_for(3)
    pulse.excuse(25 * NS_PER_S)
    assert pulse.silent_ns == 3 * NS_PER_S
    pulse.beat()
    pulse.excuse(25 * NS_PER_S)
    assert pulse.silent_ns == 0, "it beat afterwards"
