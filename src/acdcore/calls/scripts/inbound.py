"""An inbound call from its first ring to its record. Read this first: it is what the whole house is for.

A hang-up of the caller cancels the story at whatever `await` it stands; what the call holds is given back by
`call.held` in every case, and `Switchboard` writes the record.
"""

from acdcore.calls.context import Hall
from acdcore.calls.core.call import Call, Ending, Note
from acdcore.calls.core.leg import Confirmed, Leg
from acdcore.calls.model import history
from acdcore.calls.model.rows import EndedBy
from acdcore.calls.scripts.conversation import say
from acdcore.calls.scripts.forward import forward
from acdcore.calls.scripts.ivr_session import Destination, navigate
from acdcore.calls.scripts.queue import serve
from acdcore.ivr.flow.actions import Dial, EnterFlow, EnterQueue, HangUp
from acdcore.ivr.model.flow import EndReason, Flow, PromptName
from acdcore.kernel.errors import Outcome

MOVES_MAX = 100
"""A caller who is led on more often goes round in circles, by rules and flows that lead into each other."""


async def inbound(call: Call, hall: Hall, flow: Flow) -> Ending:
    """Answer, know the caller, and lead the call from place to place."""
    caller = call.the_caller()
    call.speak(flow.language)
    await answer(call, caller, hall, flow.name)
    recognise_caller(call, hall)
    return await lead(call, caller, hall, EnterFlow(flow.name))


async def lead(call: Call, caller: Leg, hall: Hall, where: Destination) -> Ending:
    """A flow leads to a queue, a queue to an agent or by its rules elsewhere, until the call has come to its end."""
    for _ in range(MOVES_MAX):
        match where:
            case EnterFlow(flow):
                where = await navigate(call, caller, hall, flow)
            case EnterQueue():
                where = await serve(call, caller, hall, where)
            case Dial():
                where = await forward(call, caller, hall, where)
            case HangUp(reason):
                return ended(call, reason)
            case Ending():
                return where
    return Ending(Outcome.FAILED, EndedBy.SYSTEM, f"led on {MOVES_MAX} times without an end")


def ended(call: Call, reason: EndReason) -> Ending:
    """The call is at its end by itself; what it has achieved is its outcome."""
    outcome = call.completed()
    if outcome is Outcome.SELF_SERVED and reason is EndReason.CLOSED:
        outcome = Outcome.CLOSED
    return Ending(outcome, EndedBy.SYSTEM, reason.value)


async def turned_away(call: Call, hall: Hall, prompt: PromptName, outcome: Outcome, detail: str = "") -> Ending:
    """Answer only to say why nobody will: all lines are taken, or the number is not wanted."""
    caller = call.the_caller()
    await answer(call, caller, hall, "")
    await say(call, caller, hall, prompt)
    return Ending(outcome, EndedBy.SYSTEM, detail)


async def answer(call: Call, caller: Leg, hall: Hall, flow: str) -> None:
    """Answer and wait for the ACK, so that the first word of the greeting is heard.

    What comes before a late ACK is read after it: keys that a caller knows by heart, or where the caller is sent.
    """
    caller.answer()
    call.log(history.Answered(hall.clock.now(), flow, caller.codec))
    early: list[Note | None] = []
    while not isinstance(note := await call.mailbox.next(), Confirmed):
        early.append(note)
    call.mailbox.put_back([note for note in early if note is not None])


def recognise_caller(call: Call, hall: Hall) -> None:
    """Know the customer by the number before the flow begins, which may branch by tier or language."""
    customer = hall.directory.customer_by_phone(call.view.caller) if call.view.caller else None
    if customer is not None:
        call.recognise(customer, "phone", hall.clock.now())
