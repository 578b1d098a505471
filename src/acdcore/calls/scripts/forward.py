"""Forwarding: the caller is connected to an external number that a rule or a flow names."""

from acdcore.calls.context import CallContext
from acdcore.calls.core.call import Call, Ending
from acdcore.calls.core.leg import Leg
from acdcore.calls.model.rows import EndedBy
from acdcore.calls.scripts.conversation import play_clips, talk_to_external_number, until_played
from acdcore.calls.scripts.dial_out import DialRequest, reach
from acdcore.calls.scripts.ivr_session import Destination, destination_of
from acdcore.ivr.flow.actions import Dial
from acdcore.ivr.model.system_prompts import SystemPrompt
from acdcore.kernel.errors import AcdError, Outcome


async def forward(call: Call, caller: Leg, context: CallContext, wanted: Dial) -> Destination:
    """Ring the number and let the two talk until one hangs up; without an answer the caller hears an apology.

    The caller hears what the carrier plays about the number before it answers or refuses (early media).
    """
    number = wanted.number
    try:
        caller.set_music(call.prompts.ringback())
        leg = await reach(call, context, DialRequest(number, wanted.trunk, is_forwarded=True), hearer=caller)
    except AcdError:
        return await apologise(call, caller, context, number)
    if isinstance(leg, int):
        return await apologise(call, caller, context, number)
    sent_to = await talk_to_external_number(call, caller, leg, number, context)
    if sent_to is not None:
        return destination_of(call, context, sent_to)
    return Ending(call.completed(), EndedBy.SYSTEM, number)


async def apologise(call: Call, caller: Leg, context: CallContext, number: str) -> Ending:
    """Play that nobody can take the call."""
    clips = call.prompts.system(SystemPrompt.QUEUE_OVERFLOW, call.language)
    await until_played(call, {play_clips(call, caller, clips)})
    return Ending(Outcome.UNANSWERED, EndedBy.SYSTEM, number)
