"""Feature codes: what an agent can do by dialling, on a phone without a screen.

*11          log in (and be ready)       *14   end the wrap-up
*12          ready                       *15   log out
*13, *13N    not ready, reason N         *16   log in on a nailed-up leg (`nailed_up`)
"""

from acdcore.calls.context import CallContext
from acdcore.calls.core.call import Call, Ending
from acdcore.calls.model.commands import AgentCommand, Seat, SeatKind, WrongState
from acdcore.calls.model.directory import AgentRecord
from acdcore.calls.model.rows import EndedBy
from acdcore.calls.scripts.conversation import play_clips, until_played
from acdcore.calls.scripts.inbound import answer_caller
from acdcore.ivr.model.system_prompts import SystemPrompt
from acdcore.kernel.errors import Outcome

CODES = {
    "*11": (AgentCommand.LOG_IN, SystemPrompt.LOGGED_IN),
    "*12": (AgentCommand.READY, SystemPrompt.READY),
    "*13": (AgentCommand.NOT_READY, SystemPrompt.NOT_READY),
    "*14": (AgentCommand.END_WRAP_UP, SystemPrompt.WRAP_UP_ENDED),
    "*15": (AgentCommand.LOG_OUT, SystemPrompt.LOGGED_OUT),
}
"""The commands by what is dialled, each with what the agent hears."""
NAIL_UP = "*16"
"""Logs in too, but the call stays up, so it is not among `CODES`."""
REASONS = {"1": "break", "2": "lunch", "3": "training", "4": "back office"}
"""Reasons for not being ready, by the key after `*13`; no key means a break."""


def is_feature_code(dialled: str) -> bool:
    """Whether `dialled` is one of the codes."""
    code, reason = dialled[:3], dialled[3:]
    if dialled == NAIL_UP:
        return True
    return code in CODES and (not reason or (code == "*13" and reason in REASONS))


async def feature_code(call: Call, context: CallContext, agent: AgentRecord) -> Ending:
    """Answer, carry out the command for the agent who works at this phone, confirm it, hang up; no offers meanwhile."""
    caller = call.the_caller()
    await answer_caller(call, caller, context, "")
    who, here = context.agents.at_phone(agent.agent), Seat(SeatKind.PHONE, agent.agent)
    context.agents.own_call(who, is_up=True)
    call.resources.callback(context.agents.own_call, who, is_up=False)
    command, confirmation = CODES[call.view.dialled[:3]]
    try:
        context.agents.command(who, command, REASONS.get(call.view.dialled[3:]), here)
        if command is AgentCommand.LOG_IN:
            context.agents.command(who, AgentCommand.READY)
    except WrongState:
        confirmation = SystemPrompt.REFUSED
    clips = call.prompts.system(confirmation, context.agents.language(who))
    await until_played(call, {play_clips(call, caller, clips)})
    return Ending(Outcome.FEATURE_CODE, EndedBy.SYSTEM, call.view.dialled)
