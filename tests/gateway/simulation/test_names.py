from gateway.config.warnings import NAME_COLUMNS
from gateway.simulation.names import NAMES, name_of


def test_names_of_a_thousand_racers_are_unique_and_fit_the_backend() -> None:
    names = [name_of(number) for number in range(1, 1001)]
    assert len(set(names)) == 1000
    assert max(len(name) for name in names) <= NAME_COLUMNS
    assert names[: len(NAMES)] == list(NAMES)
