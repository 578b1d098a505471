"""A nailed-up leg: an agent dials in, and callers come over that call one after another, each announced by a beep.

Between talks the leg is silent; the agent's keys are `*` for not ready and `#` for ready, which ends a wrap-up too.
During a talk `*` ends the talk (`nailed_up_leg.PART_KEY`). An agent who hangs up is logged out. After a lost leg the
agent is not ready, so that no caller is offered to a phone that may be dead. When the daemon stops, the agent's state
is kept, and the same phone is rung after the restart.
"""

from contextlib import suppress

from acdcore.calls.agents.nailed_up_leg import NailedUpLeg
from acdcore.calls.context import CallContext
from acdcore.calls.core.call import Call, Ending
from acdcore.calls.core.leg import HoldChanged, Pressed
from acdcore.calls.model import history
from acdcore.calls.model.commands import AgentCommand, Seat, SeatKind, WrongState
from acdcore.calls.model.directory import AgentRecord
from acdcore.calls.model.rows import EndedBy
from acdcore.calls.scripts.conversation import LINE_LOST, play_clips, until_played
from acdcore.calls.scripts.inbound import answer_caller
from acdcore.ivr.model.system_prompts import SystemPrompt
from acdcore.kernel.errors import Outcome
from acdcore.kernel.ids import AgentId

KEYS = {
    "*": (AgentCommand.NOT_READY, SystemPrompt.NOT_READY),
    "#": (AgentCommand.READY, SystemPrompt.READY),
}
"""The agent's keys between talks: command and confirmation."""


async def nailed_up(call: Call, context: CallContext, agent: AgentRecord) -> Ending:
    """Log in the agent who works at this phone, and keep the leg until one side hangs up."""
    caller = call.the_caller()
    await answer_caller(call, caller, context, "")
    who = context.agents.at_phone(agent.agent)
    context.agents.own_call(who, is_up=True)
    call.resources.callback(context.agents.own_call, who, is_up=False)
    leg = NailedUpLeg(call, agent.agent, context.event_router)
    language = context.agents.language(who)
    try:
        context.agents.command(who, AgentCommand.LOG_IN, None, Seat(SeatKind.PHONE, agent.agent))
        context.agents.command(who, AgentCommand.READY)
        context.agents.nail_up(who, leg)
    except WrongState:
        await until_played(call, {play_clips(call, caller, call.prompts.system(SystemPrompt.REFUSED, language))})
        return Ending(Outcome.FEATURE_CODE, EndedBy.SYSTEM, call.view.dialled)
    call.resources.callback(end_nailed_up, call, context, who, leg)
    call.log(history.NailedUp(context.clock.now(), who))
    await until_played(call, {play_clips(call, caller, call.prompts.system(SystemPrompt.LOGGED_IN, language))})
    context.agents.own_call(who, is_up=caller.is_held)
    while True:
        match await call.mailbox.next():
            case Pressed(digit=digit) if digit in KEYS:
                play_clips(call, caller, call.prompts.system(obey(context, who, digit), language))
            case HoldChanged(is_held=is_held):
                context.agents.own_call(who, is_up=is_held)  # the phone is in another call, and could not hear a beep
            case _:
                pass


def obey(context: CallContext, agent: AgentId, key: str) -> SystemPrompt:
    """Carry out the command of a key; returns the prompt for the agent."""
    command, confirmation = KEYS[key]
    try:
        context.agents.command(agent, command)
    except WrongState:
        return SystemPrompt.REFUSED
    return confirmation


def end_nailed_up(call: Call, context: CallContext, agent: AgentId, leg: NailedUpLeg) -> None:
    """The leg has ended: notify the borrower, then log the agent out, unless the agent works elsewhere by now."""
    leg.recall()
    if not context.agents.release(agent, leg) or call.ending is None:
        return
    with suppress(WrongState):  # the agent was deactivated, and so is logged out
        match call.ending.outcome:
            case Outcome.FEATURE_CODE:
                context.agents.command(agent, AgentCommand.LOG_OUT)
            case Outcome.SHUTDOWN:
                pass
            case _:
                context.agents.command(agent, AgentCommand.NOT_READY, LINE_LOST)
