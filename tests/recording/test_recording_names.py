"""Names: by day, safe, unique, and nothing else can be asked for."""

from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from acdcore.kernel.errors import Refused
from acdcore.kernel.ids import CallId
from acdcore.recording.names import located, recording_path

WALL = datetime(2026, 11, 21, 20, 30, tzinfo=UTC)


def test_recording_lies_by_the_day_and_the_call() -> None:
    assert recording_path(CallId("0192-7a"), 2, WALL) == "2026/11/21/0192-7a-2.wav"


def test_day_is_that_of_utc() -> None:
    shanghai = timezone(timedelta(hours=8))
    assert recording_path(CallId("c"), 1, WALL.astimezone(shanghai)) == "2026/11/21/c-1.wav"


@given(st.text(max_size=200), st.text(max_size=200))
def test_every_id_makes_a_safe_name_of_its_own(one: str, other: str) -> None:
    path = recording_path(CallId(one), 1, WALL)
    assert located(Path("/srv"), path).parent == Path("/srv/2026/11/21")
    assert len(path.rpartition("/")[2]) < 128
    assert (path == recording_path(CallId(other), 1, WALL)) == (one == other)


@pytest.mark.parametrize(
    "path",
    [
        "",
        "/etc/passwd",
        "../2026/11/21/c-1.wav",
        "2026/11/21/../21/c-1.wav",
        "2026/11/21/c-1.wav.part",
        "2026/11/21/c-1.wav\n",
        "2026/11/21/.c-1.wav",
        "2026\\11\\21\\c-1.wav",
        "2026/11/21/c\0-1.wav",
    ],
)
def test_paths_of_other_files_are_refused(path: str) -> None:
    with pytest.raises(Refused):
        located(Path("/srv"), path)
