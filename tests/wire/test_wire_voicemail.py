"""A message by keys becomes work, is heard by an agent, and answered by calling back."""

import asyncio
from pathlib import Path

import pytest
from bench.daemon import Daemon
from bench.sound import tone
from tests.wire.hearing import seconds_of
from tests.wire.hotline import ORDINARY
from tests.wire.journeys import MAILBOX
from tests.wire.sipp_phone import SippPhone, calling, ringing
from tests.wire.softphone import agents_phone
from tests.wire.test_wire_call import LATE_S, channels, require, seconds
from tests.wire.tones import AGENT_HZ, CALLER_HZ, OUTSIDE_HZ, SHIPPED_HZ, SYSTEM_HZ
from tests.wire.watch import Facts, Operator

pytestmark = pytest.mark.wire

SAYS = SHIPPED_HZ["voicemail"]
HUMMING = "13900000019"
"""Of a caller who leaves nothing but a tone."""
SPEAKS_S = 3.5
"""From the middle of the words before the beep; two seconds are the shortest message that is kept."""
WORD_S, PAUSE_S = 0.5, 0.1
"""Without pauses it would be a steady tone, which is no message."""
SILENCE_S = 5.0
"""The flow's `silence_s`."""
HEARD_S = 1.8
"""So much of it is kept, also on a busy machine."""


async def come_to_the_beep(caller: SippPhone) -> None:
    """Follow the flow by ear: about an order, a reply wanted, to this number."""
    assert await caller.ear.hear(SAYS["welcome"], 5)
    for prompt, key in (("subject", "2"), ("reply", "1"), ("own-or-other", "1")):
        assert await caller.ear.hear(SAYS[prompt], 5), prompt
        caller.press(key)
    assert await caller.ear.hear(SAYS["speak"], 5)
    assert await caller.ear.hear(SYSTEM_HZ["message-end-any"], 10), "after how long it may be"


async def leave_message(caller: SippPhone) -> None:
    """Speak, and send."""
    await come_to_the_beep(caller)
    caller.sound.say(tone(CALLER_HZ, WORD_S) + bytes(round(16_000 * PAUSE_S)))
    await asyncio.sleep(SPEAKS_S)
    caller.press("#")
    assert await caller.ear.hear(SAYS["send-or-again"], 5)
    caller.press("1")
    assert await caller.ear.hear(SAYS["thanks"], 5)
    assert await caller.ear.hear(SYSTEM_HZ["goodbye"], 5)
    await caller.parted()


async def test_message_is_heard_by_an_agent_who_calls_the_customer_back(
    daemon: Daemon, operator: Operator, recordings: Path, tmp_path: Path, far_end_port: int
) -> None:
    require("baresip", "baresip-python")
    async with calling(tmp_path, daemon.sip, MAILBOX, ORDINARY, CALLER_HZ) as caller:
        await leave_message(caller)
    left = await operator.ended(caller=ORDINARY)
    assert left["outcome"] == "voicemail"
    item = await operator.until("work_changed", call_id=left["call_id"])
    work_id = item["id"]
    assert (item["kind"], item["queue"], item["number"], item["subject"], item["is_reply_wanted"]) == (
        *("voicemail", "service", f"+86{ORDINARY}", "order", True),
    )
    async with (
        agents_phone("baresip_agent.py", daemon, "1001") as agent,
        ringing(tmp_path, far_end_port, OUTSIDE_HZ) as customer,
    ):
        await agent.do("register")
        await operator.make_ready("1001")
        await agent.until("incoming")
        await agent.do("answer")
        assert await agent.ear.hear(SYSTEM_HZ["whisper-message"], 5)
        assert await agent.ear.hear(CALLER_HZ, 5), "the message itself"
        assert await agent.ear.hear(SYSTEM_HZ["message-keys"], 10)
        await agent.do("press 1")
        assert await agent.ear.hear(SYSTEM_HZ["whisper-callback"], 5)
        assert await agent.ear.hear(OUTSIDE_HZ, 10), "the customer's voice arrives at the agent"
        assert await customer.ear.hear(AGENT_HZ, 5), "the agent's voice arrives at the customer"
        await agent.do("hang_up")
        await customer.parted()
    answered = await operator.ended(caller=ORDINARY, direction="outbound")
    assert (answered["outcome"], answered["agent"], answered["queue"]) == ("answered", "1001", "service")
    await check_work(operator, work_id)
    await check_recordings(operator, recordings, left, answered)


async def test_steady_noise_is_no_message_and_ends_by_itself(
    daemon: Daemon, operator: Operator, tmp_path: Path
) -> None:
    async with calling(tmp_path, daemon.sip, MAILBOX, HUMMING, CALLER_HZ) as caller:
        await come_to_the_beep(caller)
        assert await caller.ear.hear(SAYS["nothing-heard"], SILENCE_S + 5), "the tone of the line goes on all the while"
        await caller.parted()
    left = await operator.ended(caller=HUMMING)
    events = (await operator.stored(left["call_id"]))["events"]
    assert isinstance(events, list)
    assert [event["detail"]["why"] for event in events if event["kind"] == "message_dropped"] == ["noise"]
    assert await operator.rows("/v1/work?is_open=true", "items") == []


async def check_work(operator: Operator, work_id: object) -> None:
    """The item is done, and its history has every state before that."""
    (item,) = await operator.found(f"/v1/work?number={ORDINARY}&kind=voicemail&state=done", "items")
    assert (item["id"], item["agent"], item["last_attempt"]) == (work_id, "1001", "talked")
    history = await operator.rows(f"/v1/work/{work_id}", "history")
    states = [each["item"]["state"] for each in history if isinstance(each["item"], dict)]
    assert states == ["waiting", "queued", "in_progress", "in_progress", "done"], "in progress a second time: they talk"
    assert await operator.rows("/v1/work?is_open=true", "items") == []


async def check_recordings(operator: Operator, directory: Path, left: Facts, answered: Facts) -> None:
    """The message is the caller alone; the talk has both, each on a side."""
    message = await operator.until("recording_finished", call_id=left["call_id"])
    talk = await operator.until("recording_finished", call_id=answered["call_id"])
    caller_side, _ = channels(directory / str(message["path"]))
    assert seconds_of(caller_side, CALLER_HZ) > HEARD_S
    customer_side, agent_side = channels(directory / str(talk["path"]))
    assert seconds_of(customer_side, OUTSIDE_HZ) > seconds(customer_side) - LATE_S
    assert seconds_of(agent_side, AGENT_HZ) > seconds(agent_side) - LATE_S
