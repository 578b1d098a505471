"""Lockout: guessing gets slower and ends in a ban, and nobody is locked out by somebody elsewhere."""

from acdcore.kernel.lockout import (
    ACCOUNT_RATE,
    DELAY_MAX_S,
    FREE_FAILURES,
    KNOWN_DELAY_MAX_S,
    SOURCES_MAX,
    Lockout,
    LockoutSettings,
)

HERE, THERE = "192.0.2.1", "198.51.100.1"


def lockout() -> Lockout:
    return Lockout(LockoutSettings(failures_before_ban=10, failure_window_s=600.0, ban_first_s=60.0, ban_max_s=200.0))


def banned(one: Lockout, source: str, now: float) -> float:
    """Fail until banned; for how long."""
    while (ban := one.offended(source, now)) is None:
        pass
    return ban.for_s


def test_tenth_failure_bans_the_source() -> None:
    one = lockout()
    bans = [one.failed(HERE, f"10{number}", 0.0) for number in range(10)]
    assert bans[:9] == [None] * 9
    assert bans[9] is not None
    assert one.banned_for_s(HERE, 0.0) == 60.0
    assert one.banned_for_s(HERE, 60.0) == 0.0
    assert one.banned_for_s(THERE, 0.0) == 0.0


def test_each_ban_is_twice_as_long_up_to_the_longest() -> None:
    one, now, seen = lockout(), 0.0, []
    for _ in range(4):
        seen.append(banned(one, HERE, now))
        now += seen[-1]
    assert seen == [60.0, 120.0, 200.0, 200.0]


def test_failures_long_ago_count_no_more() -> None:
    one = lockout()
    for number in range(9):
        assert one.offended(HERE, float(number)) is None
    assert one.offended(HERE, 10_000.0) is None


def test_known_source_is_never_banned() -> None:
    one = lockout()
    for number in range(100):
        assert one.failed(HERE, "1001", float(number), is_known=True) is None
    assert one.banned_for_s(HERE, 100.0) == 0.0
    assert one.wait_s(HERE, "1001", 99.0) == KNOWN_DELAY_MAX_S


def test_no_ban_when_the_operator_wants_none() -> None:
    one = Lockout(LockoutSettings(failures_before_ban=0))
    assert all(one.offended(HERE, 0.0) is None for _ in range(100))


def test_account_from_one_source_is_delayed_ever_longer() -> None:
    one, waits = lockout(), []
    for _ in range(FREE_FAILURES + 10):
        one.failed(HERE, "1001", 0.0)
        waits.append(one.wait_s(HERE, "1001", 0.0))
    assert waits[:5] == [0.0, 0.0, 1.0, 2.0, 4.0]
    assert waits[-1] == DELAY_MAX_S


def test_stranger_does_not_lock_out_the_agent_who_guesses_at_its_account() -> None:
    one = lockout()
    one.succeeded(HERE, "1001")
    for number in range(1_000):
        one.failed(f"203.0.113.{number % 250}", "1001", 0.0)
    assert one.wait_s(HERE, "1001", 0.0) == 0.0


def test_guessing_from_many_sources_is_slowed_down_for_all_that_were_never_right() -> None:
    one = lockout()
    for number in range(int(ACCOUNT_RATE.burst)):
        one.failed(f"203.0.113.{number}", "1001", 0.0)
    assert one.wait_s("203.0.113.200", "1001", 0.0) > 0.0
    assert one.wait_s("203.0.113.200", "1002", 0.0) == 0.0


def test_right_password_forgets_the_delay() -> None:
    one = lockout()
    for _ in range(5):
        one.failed(HERE, "1001", 0.0)
    one.succeeded(HERE, "1001")
    assert one.wait_s(HERE, "1001", 0.0) == 0.0


def test_ban_can_be_lifted() -> None:
    one = lockout()
    banned(one, HERE, 0.0)
    assert list(one.bans(0.0)) == [HERE]
    assert one.lift(HERE)
    assert not one.lift(HERE)
    assert one.banned_for_s(HERE, 0.0) == 0.0


def test_what_is_remembered_is_bounded() -> None:
    one = lockout()
    for number in range(SOURCES_MAX + 100):
        one.failed(str(number), str(number), 0.0)
        one.succeeded(str(number), "1001")
    assert max(len(table) for table in (one._sources, one._pairs, one._proven)) <= SOURCES_MAX
