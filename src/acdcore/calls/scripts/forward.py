"""A call goes out: the caller is connected to an outside number that a rule or a flow names."""

from acdcore.calls.context import Hall
from acdcore.calls.core.call import Call, Ending
from acdcore.calls.core.leg import Leg
from acdcore.calls.model.rows import EndedBy
from acdcore.calls.scripts.conversation import announce, talk_to_outside, until_played
from acdcore.calls.scripts.dial_out import Wanted, reach
from acdcore.calls.scripts.ivr_session import Destination, sent
from acdcore.ivr.flow.actions import Dial
from acdcore.ivr.model.system_prompts import SystemPrompt
from acdcore.kernel.errors import AcdError, Outcome


async def forward(call: Call, caller: Leg, hall: Hall, wanted: Dial) -> Destination:
    """Ring the number, let the two talk until one hangs up; when nobody answers the caller is told so.

    What the carrier says of the number before it answers or refuses is heard by the caller as long as it lasts.
    """
    number = wanted.number
    try:
        caller.set_music(call.voice.ringback())
        leg = await reach(call, hall, Wanted(number, wanted.trunk, is_forwarded=True), hearer=caller)
    except AcdError:
        return await apologise(call, caller, hall, number)
    if isinstance(leg, int):
        return await apologise(call, caller, hall, number)
    sent_to = await talk_to_outside(call, caller, leg, number, hall)
    if sent_to is not None:
        return sent(call, hall, sent_to)
    return Ending(call.completed(), EndedBy.SYSTEM, number)


async def apologise(call: Call, caller: Leg, hall: Hall, number: str) -> Ending:
    """Nobody can take the call."""
    clips = call.voice.system(SystemPrompt.QUEUE_OVERFLOW, call.language)
    await until_played(call, {announce(call, caller, clips)})
    return Ending(Outcome.UNANSWERED, EndedBy.SYSTEM, number)
