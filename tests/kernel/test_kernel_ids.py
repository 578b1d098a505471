"""Ids, addresses, clocks and errors: what every room relies on."""

import asyncio
from datetime import UTC

import pytest

from acdcore.kernel import errors
from acdcore.kernel.address import Address
from acdcore.kernel.clock import Clock, LoopClock, SystemClock
from acdcore.kernel.errors import AcdError, SettingsError
from acdcore.kernel.ids import IdSource


def test_seeded_source_repeats_itself() -> None:
    one, other = IdSource(7), IdSource(7)
    assert [one.token() for _ in range(20)] == [other.token() for _ in range(20)]
    assert one.number(1000) == other.number(1000)


def test_source_without_a_seed_never_repeats() -> None:
    ids = IdSource()
    assert len({ids.token() for _ in range(1000)}) == 1000


@pytest.mark.parametrize("size", [1, 4, 8, 16])
def test_token_has_two_hex_digits_for_each_byte_zeros_included(size: int) -> None:
    ids = IdSource(1)
    tokens = [ids.token(size) for _ in range(300)]
    assert {len(token) for token in tokens} == {2 * size}
    assert all(int(token, 16) >= 0 and token == token.lower() for token in tokens)


def test_number_is_below_its_limit() -> None:
    ids = IdSource(1)
    assert {ids.number(3) for _ in range(100)} == {0, 1, 2}


@pytest.mark.parametrize(
    ("address", "text"),
    [(Address("192.0.2.1", 5060), "192.0.2.1:5060"), (Address("2001:db8::1", 5), "[2001:db8::1]:5")],
)
def test_address_is_written_as_in_a_uri(address: Address, text: str) -> None:
    assert str(address) == text


def test_settings_error_names_file_and_key() -> None:
    assert str(SettingsError("acdcore.toml", "sip.realm", "is empty")) == "acdcore.toml: sip.realm: is empty"
    assert str(SettingsError("acdcore.toml", "", "cannot be read")) == "acdcore.toml: cannot be read"


def test_every_error_has_a_status_and_an_outcome() -> None:
    kinds = [kind for kind in vars(errors).values() if isinstance(kind, type) and issubclass(kind, AcdError)]
    assert len(kinds) == 5
    for kind in kinds:
        assert 400 <= kind.sip_status < 700
        assert kind.outcome in errors.Outcome


async def test_clocks_never_run_backwards_and_tell_utc() -> None:
    clocks: tuple[Clock, ...] = (SystemClock(), LoopClock(asyncio.get_running_loop()))
    for clock in clocks:
        readings = [clock.now() for _ in range(10)]
        assert readings == sorted(readings)
        assert clock.wall().tzinfo is UTC
