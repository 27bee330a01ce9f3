import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.sampling.sampler import Sample
from gateway.sampling.series import FieldState
from gateway.telemetry.undated import NotDatable, UndatedSample, undated_from_json


@given(
    st.text(max_size=40),
    st.integers(0, 2**63),
    st.booleans(),
    st.floats(0, 300),
    st.none() | st.floats(0, 3000),
    st.sampled_from(FieldState),
    st.booleans(),
)
def test_undated_sample_survives_json(
    boot_id: str, end_ns: int, present: bool, cadence_rpm: float, power_w: float | None,
    state: FieldState, is_simulated: bool,
) -> None:  # fmt: skip
    sample = Sample(present, cadence_rpm, 41.5, power_w, state, FieldState.UNKNOWN)
    second = UndatedSample(boot_id, end_ns, "bike-1", sample, is_simulated)
    assert undated_from_json(second.to_json()) == second


def test_undated_second_of_an_older_gateway_counts_as_reported_by_a_bike() -> None:
    second = UndatedSample("boot", 1, "bike-1", Sample(True, 80.0, 41.5, None))
    payload = second.to_json().replace(b',"is_simulated":false', b"")
    assert b"is_simulated" not in payload
    assert undated_from_json(payload) == second


@pytest.mark.parametrize("payload", [b"", b"{}", b"\x00\x01", b'{"boot_id": 1}'])
def test_undated_from_malformed_json_is_not_datable(payload: bytes) -> None:
    with pytest.raises(NotDatable, match="not an undated second"):
        undated_from_json(payload)
