"""Which recordings go."""

from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from acdcore.recording.events import RecordingPath
from acdcore.recording.retention import Limits, Reason, StoredRecording, plan

WALL = datetime(2026, 11, 21, tzinfo=UTC)


def kept(age_days: int, size_bytes: int = 100, *, is_protected: bool = False) -> StoredRecording:
    began = WALL - timedelta(days=age_days)
    return StoredRecording(RecordingPath(f"{began:%Y/%m/%d}/c-1.wav"), began, size_bytes, is_protected)


def ages(recordings: list[StoredRecording], limits: Limits) -> list[tuple[int, Reason]]:
    began = {each.path: each.began for each in recordings}
    return [((WALL - began[each.path]).days, each.reason) for each in plan(recordings, limits, WALL)]


def test_without_limits_nothing_goes() -> None:
    assert plan([kept(10_000)], Limits(), WALL) == ()


def test_recordings_past_the_age_limit_go() -> None:
    limits = Limits(age_max=timedelta(days=30))
    assert ages([kept(29), kept(30), kept(31), kept(90)], limits) == [(90, Reason.AGE), (31, Reason.AGE)]


def test_oldest_go_until_the_rest_fits() -> None:
    limits = Limits(total_bytes_max=250)
    assert ages([kept(1), kept(4), kept(3), kept(2)], limits) == [(4, Reason.SIZE), (3, Reason.SIZE)]


def test_what_goes_by_age_counts_towards_the_size() -> None:
    limits = Limits(age_max=timedelta(days=3), total_bytes_max=200)
    assert ages([kept(5), kept(4), kept(2), kept(1)], limits) == [(5, Reason.AGE), (4, Reason.AGE)]


def test_protected_recordings_stay_and_others_make_room() -> None:
    recordings = [kept(9, is_protected=True), kept(8), kept(7)]
    limits = Limits(age_max=timedelta(days=30), total_bytes_max=200)
    assert ages(recordings, limits) == [(8, Reason.SIZE)]


@given(
    st.lists(st.builds(kept, st.integers(0, 50), st.integers(0, 500)), unique_by=lambda each: each.path),
    st.integers(0, 5_000),
)
def test_rest_fits_and_no_deletion_was_needless(recordings: list[StoredRecording], total_bytes_max: int) -> None:
    deletions = plan(recordings, Limits(total_bytes_max=total_bytes_max), WALL)
    left_bytes = sum(each.size_bytes for each in recordings) - sum(each.size_bytes for each in deletions)
    assert left_bytes <= total_bytes_max
    if deletions:
        assert left_bytes + deletions[-1].size_bytes > total_bytes_max
