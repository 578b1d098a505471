"""API keys: guessing is delayed and ends in a ban; a source that has shown a valid key is never delayed."""

from http import HTTPStatus
from ipaddress import ip_address

import pytest
from aiohttp import ClientSession, TCPConnector
from tests.control.served import KEYS, Served

from acdcore.control import Right
from acdcore.kernel.lockout import FREE_FAILURES, Banned, LockoutSettings

STRANGER = str(ip_address("127.0.0.9"))


def stranger(served: Served) -> ClientSession:
    return ClientSession(served.base, connector=TCPConnector(local_addr=(STRANGER, 0)))


async def tried(session: ClientSession, key: str) -> int:
    async with session.get("/v1/calls", headers={"X-API-Key": key}) as response:
        if response.status == HTTPStatus.TOO_MANY_REQUESTS:
            assert int(response.headers["Retry-After"]) > 0
        return response.status


async def test_guessed_keys_are_held_up_and_the_right_one_with_them(served: Served) -> None:
    async with stranger(served) as session:
        statuses = [await tried(session, f"guess {number}") for number in range(FREE_FAILURES + 2)]
        assert statuses[: FREE_FAILURES + 1] == [HTTPStatus.UNAUTHORIZED] * (FREE_FAILURES + 1)
        assert statuses[-1] == HTTPStatus.TOO_MANY_REQUESTS
        assert await tried(session, KEYS[Right.ADMIN]) == HTTPStatus.TOO_MANY_REQUESTS


async def test_client_with_a_right_key_is_not_held_up_by_guesses_from_its_address(served: Served) -> None:
    async with served.reader.get("/v1/calls") as response:
        assert response.status == HTTPStatus.OK
    for number in range(30):
        assert await tried(served.anyone, f"guess {number}") == HTTPStatus.UNAUTHORIZED
    async with served.reader.get("/v1/calls") as response:
        assert response.status == HTTPStatus.OK


async def test_office_of_phones_is_neither_banned_nor_blocked_for_guesses_at_keys(
    served: Served, capsys: pytest.CaptureFixture[str]
) -> None:
    refusals, now = served.parts.refusals, served.parts.clock.now()
    refusals.sources.trust(STRANGER, now)
    refusals.lockout.change(LockoutSettings(failures_before_ban=2))
    for number in range(5):
        async with stranger(served) as session:
            assert await tried(session, f"guess {number}") in (HTTPStatus.UNAUTHORIZED, HTTPStatus.TOO_MANY_REQUESTS)
    assert refusals.lockout.bans(now) == {}
    shown = capsys.readouterr().out
    assert ("known=True" in shown, "known=False" in shown) == (True, False)


async def test_ban_for_guessed_keys_is_published_and_logged(served: Served, capsys: pytest.CaptureFixture[str]) -> None:
    bans: list[Banned] = []
    served.parts.bus.subscribe(Banned, bans.append)
    served.parts.refusals.lockout.change(LockoutSettings(failures_before_ban=2))
    async with stranger(served) as session:
        for number in range(3):
            await tried(session, f"guess {number}")
    assert [(ban.source, ban.failures) for ban in bans] == [(STRANGER, 2)]
    assert capsys.readouterr().out.count("banned") == 1


async def test_ban_is_listed_and_lifted(served: Served) -> None:
    lockout = served.parts.refusals.lockout
    while lockout.offended(STRANGER, served.parts.clock.now()) is None:
        pass
    listed = await (await served.reader.get("/v1/bans")).json()
    assert [ban["source"] for ban in listed["bans"]] == [STRANGER]
    assert listed["bans"][0]["seconds_left"] > 0
    assert (await served.reader.delete(f"/v1/bans/{STRANGER}")).status == HTTPStatus.FORBIDDEN
    assert (await (await served.operator.delete(f"/v1/bans/{STRANGER}")).json())["is_lifted"] is True
    assert (await (await served.reader.get("/v1/bans")).json()) == {"bans": []}


async def test_health_answers_those_who_are_held_up(served: Served) -> None:
    async with stranger(served) as session:
        for number in range(5):
            await tried(session, f"guess {number}")
        async with session.get("/health/live") as response:
            assert response.status == HTTPStatus.OK


async def test_refused_key_leaves_a_line_with_the_source_and_never_the_key(
    served: Served, capsys: pytest.CaptureFixture[str]
) -> None:
    async with stranger(served) as session:
        await tried(session, "a-guessed-key")
    out = capsys.readouterr().out
    assert STRANGER in out
    assert "unknown key" in out
    assert "a-guessed-key" not in out
