"""What callers press: the language, and a member number that tells the agent who is calling."""

import pytest
from bench.phone import Phone
from tests.wire.hotline import HOTLINE, ORDINARY
from tests.wire.parties import Party, dial_in, pick_up, take_seat
from tests.wire.tones import (
    CHOOSE_LANGUAGE_HZ,
    INVALID_HZ,
    MEMBER_NUMBER_HZ,
    MENU_HZ,
    MUSIC_HZ,
    THANKS_HZ,
    UNKNOWN_MEMBER_HZ,
    WELCOME_BACK_HZ,
)
from tests.wire.watch import Operator

pytestmark = pytest.mark.wire


async def press_in_menu(party: Party, keys: str) -> None:
    """Hear the menu out, then press."""
    assert await party.ear.hear(MENU_HZ, 5)
    party.call.sound.press(keys)


@pytest.mark.parametrize(("key", "language"), [("1", "cmn"), ("2", "yue"), ("3", "en")])
async def test_chosen_language_is_spoken_from_then_on(
    operator: Operator, caller: Phone, key: str, language: str
) -> None:
    party = await dial_in(caller, HOTLINE)
    assert (await operator.until("call_answered", caller=ORDINARY))["language"] == "cmn", "the flow's own"
    await press_in_menu(party, "3")
    assert await party.ear.hear(CHOOSE_LANGUAGE_HZ, 5)
    party.call.sound.press(key)
    assert await party.ear.hear(THANKS_HZ[language], 5)
    queued = await operator.until("call_queued", caller=ORDINARY)
    assert queued["language"] == language


async def test_typed_member_number_pops_the_customer_up(operator: Operator, caller: Phone, agent_phone: Phone) -> None:
    await take_seat(operator, agent_phone, "1001")
    party = await dial_in(caller, HOTLINE)
    await press_in_menu(party, "2")
    assert await party.ear.hear(MEMBER_NUMBER_HZ, 5)
    party.call.sound.press("80000002#")
    assert await party.ear.hear(WELCOME_BACK_HZ, 5)
    pop = await operator.until("agent_offered", agent="1001")
    customer = pop["customer"]
    assert isinstance(customer, dict)
    assert (customer["name"], customer["tier"]) == ("Customer Two", "gold")
    await pick_up(agent_phone)
    party.call.hang_up()
    assert (await operator.ended(caller=ORDINARY))["customer_id"] == customer["id"]


async def test_unknown_member_number_is_served_all_the_same(operator: Operator, caller: Phone) -> None:
    party = await dial_in(caller, HOTLINE)
    await press_in_menu(party, "2")
    assert await party.ear.hear(MEMBER_NUMBER_HZ, 5)
    party.call.sound.press("99999999#")
    assert await party.ear.hear(UNKNOWN_MEMBER_HZ, 5)
    assert await party.ear.hear(MUSIC_HZ, 5)


async def test_wrong_key_is_told_and_asked_again(operator: Operator, caller: Phone) -> None:
    party = await dial_in(caller, HOTLINE)
    await press_in_menu(party, "8")
    assert await party.ear.hear(INVALID_HZ, 5)
    await press_in_menu(party, "1")
    assert await party.ear.hear(MUSIC_HZ, 5)
