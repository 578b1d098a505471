"""An inbound call from its first ring to its record. Read this first: it is what the whole house is for.

A hang-up of the caller cancels the story at whatever `await` it stands; what the call holds is given back by
`call.held` in every case, and `Switchboard` writes the record.
"""

from acdcore.calls import events
from acdcore.calls.call import Call, Ending
from acdcore.calls.forward import forward
from acdcore.calls.hall import Hall
from acdcore.calls.leg import Confirmed, Leg
from acdcore.calls.navigation import navigate
from acdcore.calls.ports import EndedBy
from acdcore.calls.talk import announce, talk_to_agent, until_played
from acdcore.calls.waiting import Served, wait_for_agent
from acdcore.ivr.model import CalendarState, Flow, PromptName
from acdcore.ivr.steps import Dial, EnterQueue, HangUp
from acdcore.kernel.errors import Outcome
from acdcore.queues.settings import ToAnnouncement, ToOutside


async def inbound(call: Call, caller: Leg, hall: Hall, flow: Flow, calendar: CalendarState) -> Ending:
    """Answer, lead through the flow, wait for an agent, talk."""
    call.speak(flow.language)
    await answer(call, caller, hall, flow.name)
    recognise_caller(call, hall)
    match await navigate(call, caller, hall, flow, calendar):
        case EnterQueue() as wanted:
            return await serve(call, caller, hall, wanted)
        case Dial(number):
            is_answered = await forward(call, caller, hall, number)
            return Ending(Outcome.FORWARDED if is_answered else Outcome.UNANSWERED, EndedBy.SYSTEM, number)
        case HangUp(reason):
            return Ending(Outcome.SELF_SERVED, EndedBy.SYSTEM, reason.value)


async def serve(call: Call, caller: Leg, hall: Hall, wanted: EnterQueue) -> Ending:
    """Wait and talk, or go where the overflow rule says."""
    match await wait_for_agent(call, caller, hall, wanted):
        case Served() as served:
            await talk_to_agent(call, caller, hall, served)
            return Ending(Outcome.ANSWERED, EndedBy.AGENT)  # a caller who hangs up first never lets us come here
        case ToOutside(number):
            await forward(call, caller, hall, number)
            return Ending(Outcome.OVERFLOWED, EndedBy.SYSTEM, number)
        case ToAnnouncement(prompt):
            await say(call, caller, hall, PromptName(prompt))
            return Ending(Outcome.OVERFLOWED, EndedBy.SYSTEM, prompt)


async def announce_full(call: Call, caller: Leg, hall: Hall) -> Ending:
    """All lines are taken and this one is from the reserve: say so and hang up."""
    await answer(call, caller, hall, "")
    await say(call, caller, hall, PromptName(hall.lines.settings.announcement))
    return Ending(Outcome.REFUSED_LINES, EndedBy.SYSTEM)


async def answer(call: Call, caller: Leg, hall: Hall, flow: str) -> None:
    """Answer and wait for the ACK, so that the first word of the greeting is heard."""
    caller.answer()
    call.log(events.Answered(hall.clock.now(), flow, caller.codec))
    while not isinstance(await call.mailbox.next(), Confirmed):
        pass


async def say(call: Call, caller: Leg, hall: Hall, prompt: PromptName) -> None:
    """Play one prompt to its end."""
    await until_played(call, {announce(call, caller, hall.voice.say((prompt,), call.language))})


def recognise_caller(call: Call, hall: Hall) -> None:
    """Know the customer by the number before the flow begins, which may branch by tier or language."""
    customer = hall.directory.customer_by_phone(call.view.caller) if call.view.caller else None
    if customer is not None:
        call.recognise(customer, "phone", hall.clock.now())
