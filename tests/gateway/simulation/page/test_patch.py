"""Differences, applied as RFC 7396 defines it, give the same object again."""

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from gateway.simulation.page.patch import difference

NAMES = st.sampled_from("abc")
SCALARS = st.one_of(st.booleans(), st.integers(-2, 2), st.text("xy", max_size=2))
VALUES = st.recursive(
    st.one_of(SCALARS, st.lists(st.text("xy", max_size=2), max_size=3)),
    lambda inner: st.dictionaries(NAMES, inner, max_size=3),
    max_leaves=8,
)
OBJECTS = st.dictionaries(NAMES, VALUES, max_size=3)


def applied(target: Any, patch: Any) -> Any:
    """Return the target after the patch, literally as in section 2 of RFC 7396."""
    if not isinstance(patch, dict):
        return patch
    result = dict(target) if isinstance(target, dict) else {}
    for name, value in patch.items():
        if value is None:
            result.pop(name, None)
        else:
            result[name] = applied(result.get(name), value)
    return result


@given(OBJECTS, OBJECTS)
def test_difference_makes_one_object_the_other(
    before: dict[str, Any], after: dict[str, Any]
) -> None:
    assert repr_of(applied(before, difference(before, after))) == repr_of(after)


@given(OBJECTS)
def test_difference_of_an_object_and_itself_is_empty(one: dict[str, Any]) -> None:
    assert difference(one, one) == {}


def test_difference_has_only_what_changed() -> None:
    before = {"racers": {"Ada": {"place": 1, "gained": 1}, "Bruno": {"place": 2}}, "second": 3}
    after = {"racers": {"Ada": {"place": 1}, "Bruno": {"place": 2}}, "second": 4}
    assert difference(before, after) == {"racers": {"Ada": {"gained": None}}, "second": 4}


def repr_of(value: Any) -> str:
    """Return what tells true from 1, and does not depend on the order of the members."""
    if isinstance(value, dict):
        return str(sorted((name, repr_of(inner)) for name, inner in value.items()))
    return repr(value)
