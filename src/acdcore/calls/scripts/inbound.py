"""An inbound call from the INVITE to its record. Read this first.

A hang-up of the caller cancels the script at any `await`. In every case `call.resources` gives back what the call
holds, and `Switchboard` writes the record.
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
"""Moves between flows and queues; more of them mean rules and flows that lead into each other without end."""


async def inbound(call: Call, context: CallContext, flow: Flow) -> Ending:
    """Answer, recognise the customer, and lead the call through flows and queues."""
    caller = call.the_caller()
    call.speak(flow.language)
    await answer_caller(call, caller, context, flow.name)
    recognise_caller(call, context)
    return await lead(call, caller, context, EnterFlow(flow.name))


async def lead(call: Call, caller: Leg, context: CallContext, where: Destination) -> Ending:
    """A flow leads to a queue; a queue to an agent, or by its rules elsewhere; until the call ends."""
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
    """The ending of a call that has run to its end; its outcome is what it has achieved."""
    outcome = call.completed()
    if outcome is Outcome.SELF_SERVED and reason is EndReason.CLOSED:
        outcome = Outcome.CLOSED
    return Ending(outcome, EndedBy.SYSTEM, reason.value)


async def reject_with_prompt(
    call: Call, context: CallContext, prompt: PromptName, outcome: Outcome, detail: str = ""
) -> Ending:
    """Answer only for an announcement: all lines are taken, or the number is blocked."""
    caller = call.the_caller()
    await answer_caller(call, caller, context, "")
    await play_prompt(call, caller, context, prompt)
    return Ending(outcome, EndedBy.SYSTEM, detail)


async def answer_caller(call: Call, caller: Leg, context: CallContext, flow: str) -> None:
    """Answer and wait for the ACK, so that the caller hears the first word of the greeting.

    Notes that come before a late ACK are read after it: keys that the caller pressed early, or an order of staff.
    """
    caller.answer()
    call.log(history.CallAnswered(context.clock.now(), flow, caller.codec))
    early: list[Note | None] = []
    while not isinstance(note := await call.mailbox.next(), Confirmed):
        early.append(note)
    call.mailbox.put_back([note for note in early if note is not None])


def recognise_caller(call: Call, context: CallContext) -> None:
    """Recognise the customer by the number before the flow, which may branch by tier or language."""
    customer = context.directory.customer_by_phone(call.view.caller) if call.view.caller else None
    if customer is not None:
        call.recognise(customer, "phone", context.clock.now())
