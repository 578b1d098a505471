"""Refusals: each is counted, the first are written, and the rest is summed up."""

from acdcore.kernel.refusal_log import (
    LINES,
    LINES_A_SOURCE,
    SOURCES_MAX,
    TEXT_CHARS_MAX,
    WINDOW_S,
    LeftOut,
    Refusal,
    RefusalLog,
    shortened,
)


def refusal(source: str = "192.0.2.1", reason: str = "unknown user or wrong password") -> Refusal:
    return Refusal("register", reason, source)


def test_first_refusals_of_a_source_are_written_and_the_rest_is_summed_up() -> None:
    log = RefusalLog()
    written = [log.is_written(refusal(), 1.0) for _ in range(LINES_A_SOURCE + 7)]
    assert written == [True] * LINES_A_SOURCE + [False] * 7
    assert log.due(1.0 + WINDOW_S - 0.1) == []
    assert log.due(1.0 + WINDOW_S) == [LeftOut("192.0.2.1", 7, "register: unknown user or wrong password (7)")]
    assert log.due(1.0 + WINDOW_S) == []
    assert log.is_written(refusal(), 62.0)


def test_flood_from_many_sources_is_no_flood_of_the_log() -> None:
    log = RefusalLog()
    written = sum(log.is_written(refusal(f"10.0.{n >> 8}.{n & 255}"), n / 3_000) for n in range(60_000))
    assert written <= LINES.burst + 20 * LINES.per_s + 1
    told = sum(left_out.refusals for left_out in log.due(1_000.0))
    assert written + told == 60_000


def test_every_refusal_is_counted_by_what_and_reason() -> None:
    log = RefusalLog()
    for reason in ("a", "b", "a"):
        log.is_written(refusal(reason=reason), 0.0)
    assert log.counts == {("register", "a"): 2, ("register", "b"): 1}


def test_sources_remembered_are_bounded() -> None:
    log = RefusalLog()
    for number in range(3 * SOURCES_MAX):
        log.is_written(refusal(str(number)), 0.0)
    assert len(log._windows) <= SOURCES_MAX + 1


def test_text_of_strangers_is_cut() -> None:
    assert len(shortened("x" * 60_000)) == TEXT_CHARS_MAX
    assert shortened("1001") == "1001"
