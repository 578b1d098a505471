"""An inbound call from its first ring to its record. Read this first: it is what all else serves.

A hang-up of the caller cancels the script at whatever `await` it stands; what the call holds is given back by
`call.resources` in every case, and `Switchboard` writes the record.
"""

from acdcore.calls.context import CallContext
from acdcore.calls.core.call import Call, Ending, Note
from acdcore.calls.core.leg import Confirmed, Leg
from acdcore.calls.model import history
from acdcore.calls.model.rows import EndedBy
from acdcore.calls.scripts.conversation import play_prompt
from acdcore.calls.scripts.forward import forward
from acdcore.calls.scripts.ivr_session import Destination, navigate
from acdcore.calls.scripts.queue import serve_in_queue
from acdcore.ivr.flow.actions import Dial, EnterFlow, EnterQueue, HangUp
from acdcore.ivr.model.flow import EndReason, Flow, PromptName
from acdcore.kernel.errors import Outcome

MOVES_MAX = 100
"""A caller who is led on more often goes round in circles, by rules and flows that lead into each other."""


async def inbound(call: Call, context: CallContext, flow: Flow) -> Ending:
    """Answer, know the caller, and lead the call from place to place."""
    caller = call.the_caller()
    call.speak(flow.language)
    await answer_caller(call, caller, context, flow.name)
    recognise_caller(call, context)
    return await lead(call, caller, context, EnterFlow(flow.name))


async def lead(call: Call, caller: Leg, context: CallContext, where: Destination) -> Ending:
    """A flow leads to a queue, a queue to an agent or by its rules elsewhere, until the call has come to its end."""
    for _ in range(MOVES_MAX):
        match where:
            case EnterFlow(flow):
                where = await navigate(call, caller, context, flow)
            case EnterQueue():
                where = await serve_in_queue(call, caller, context, where)
            case Dial():
                where = await forward(call, caller, context, where)
            case HangUp(reason):
                return ending_for(call, reason)
            case Ending():
                return where
    return Ending(Outcome.FAILED, EndedBy.SYSTEM, f"led on {MOVES_MAX} times without an end")


def ending_for(call: Call, reason: EndReason) -> Ending:
    """The call is at its end by itself; what it has achieved is its outcome."""
    outcome = call.completed()
    if outcome is Outcome.SELF_SERVED and reason is EndReason.CLOSED:
        outcome = Outcome.CLOSED
    return Ending(outcome, EndedBy.SYSTEM, reason.value)


async def reject_with_prompt(
    call: Call, context: CallContext, prompt: PromptName, outcome: Outcome, detail: str = ""
) -> Ending:
    """Answer only to say why nobody will: all lines are taken, or the number is not wanted."""
    caller = call.the_caller()
    await answer_caller(call, caller, context, "")
    await play_prompt(call, caller, context, prompt)
    return Ending(outcome, EndedBy.SYSTEM, detail)


async def answer_caller(call: Call, caller: Leg, context: CallContext, flow: str) -> None:
    """Answer and wait for the ACK, so that the first word of the greeting is heard.

    What comes before a late ACK is read after it: keys that a caller knows by heart, or where the caller is sent.
    """
    caller.answer()
    call.log(history.CallAnswered(context.clock.now(), flow, caller.codec))
    early: list[Note | None] = []
    while not isinstance(note := await call.mailbox.next(), Confirmed):
        early.append(note)
    call.mailbox.put_back([note for note in early if note is not None])


def recognise_caller(call: Call, context: CallContext) -> None:
    """Know the customer by the number before the flow begins, which may branch by tier or language."""
    customer = context.directory.customer_by_phone(call.view.caller) if call.view.caller else None
    if customer is not None:
        call.recognise(customer, "phone", context.clock.now())
