"""Deadlines against a naive model: one per key, earliest first, ties in the order they were set, memory bounded."""

from hypothesis import given
from hypothesis import strategies as st

from acdcore.kernel.deadlines import Deadlines

KEYS = st.integers(0, 8)
STEPS = st.one_of(
    st.tuples(st.just("set"), KEYS, st.integers(0, 20).map(float)),
    st.tuples(st.just("cancel"), KEYS, st.just(0.0)),
    st.tuples(st.just("pop"), KEYS, st.integers(0, 20).map(float)),
)


@given(st.lists(STEPS, max_size=200))
def test_deadlines_behave_like_a_sorted_dictionary(steps: list[tuple[str, int, float]]) -> None:
    deadlines: Deadlines[int] = Deadlines()
    model: dict[int, tuple[float, int]] = {}
    for serial, (what, key, at) in enumerate(steps):
        match what:
            case "set":
                deadlines.set(key, at)
                model[key] = (at, serial)
            case "cancel":
                deadlines.cancel(key)
                model.pop(key, None)
            case _:
                due = min((when, each) for each, when in model.items()) if model else None
                expected = due[1] if due is not None and due[0][0] <= at else None
                assert deadlines.pop_due(at) == expected
                if expected is not None:
                    del model[expected]
        assert deadlines.earliest() == min((when for when, _ in model.values()), default=None)
        assert len(deadlines) == len(model)
        assert all((key in deadlines) == (key in model) for key in range(9))


def test_moving_a_deadline_again_and_again_costs_no_memory() -> None:
    deadlines: Deadlines[str] = Deadlines()
    for moment in range(10_000):
        deadlines.set("timer", float(moment))
    assert len(deadlines._heap) <= 65
    assert deadlines.pop_due(10_000.0) == "timer"
    assert deadlines.pop_due(10_000.0) is None


def test_cancelling_an_unknown_key_is_no_error() -> None:
    deadlines: Deadlines[str] = Deadlines()
    deadlines.cancel("unknown")
    assert deadlines.earliest() is None
