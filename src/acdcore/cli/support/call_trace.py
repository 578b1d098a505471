"""The call trace, a call's way through the queues, as text for people and as JSON for programs."""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import fields as dataclass_fields
from datetime import datetime, tzinfo
from typing import assert_never

from rich.console import Group, RenderableType
from rich.padding import Padding
from rich.table import Table

from acdcore.kernel.ids import AgentId
from acdcore.planning.explained import CallExplanation, ExplainedStep, WaitingMoment
from acdcore.queues import wording
from acdcore.queues.decisions import (
    Announce,
    Connected,
    Departed,
    InputRefused,
    LateAccept,
    Offered,
    OfferMissed,
    OfferWithdrawn,
    Overflowed,
    Queued,
    ReservedForAgent,
    TalkFinished,
    Widened,
    WithdrawCause,
)
from acdcore.queues.inputs import CallerAssigned, CallerPaused, CallerResumed
from acdcore.queues.settings import OverflowTarget, ToAnnouncement, ToExternalNumber, ToFlow, ToQueue
from acdcore.queues.views import Candidate, CompetingCaller, Evidence, Explanation

INDENT = 12
"""Characters by which the details of a step are indented, so that they stand below its text."""
COMPETING_CALLERS_SHOWN = 3
"""Callers of each kind that are named: the next in order, and the first who were passed over."""


# ---- for people -----------------------------------------------------------------------------------------------------


def trace(explained: CallExplanation, zone: tzinfo | None, top: int) -> RenderableType:
    """Everything that was decided about the call; each offer with its best `top` candidates."""
    parts: list[RenderableType] = []
    for step in explained.steps:
        line = sentence(step, explained.names, zone)
        if line:
            parts.append(f"{local_time(step.wall, zone)}  {line}")
            parts += [Padding(part, (0, 0, 0, INDENT), expand=False) for part in reasons(step, explained.names, top)]
    return Group(*parts)


def moment_in_trace(
    moment: WaitingMoment, names: Mapping[AgentId, str], zone: tzinfo | None, top: int
) -> RenderableType:
    """The call at one moment of its wait."""
    why = moment.explanation
    blocked_by = f"agent {why.ringing} is being rung" if why.ringing else why.blocked_by
    facts = Table.grid(padding=(0, 2))
    facts.add_row("at", local_time(moment.wall, zone))
    facts.add_row("queue", f"{why.queue}, position {why.position}, waited {why.waited_s:.1f} s")
    facts.add_row(
        "needs", wording.needs(why.needs) + (f" (widening step {why.widening_step})" if why.widening_step else "")
    )
    facts.add_row("order", wording.caller_key(why))
    facts.add_row("blocked by", blocked_by or "nothing")
    parts: list[RenderableType] = [facts, "", *candidate_table(why, names, moment.at, top)]
    if why.timers:
        timers = Table("in", "what", title="running timers", title_justify="left")
        for timer in why.timers:
            timers.add_row(f"{timer.at - moment.at:.1f} s", timer.name.value)
        parts += ["", timers]
    if why.would_change:
        parts += ["", "what would have changed it:", *(f"  - {line}" for line in why.would_change)]
    return Group(*parts)


def local_time(wall: datetime, zone: tzinfo | None) -> str:
    """`08:30:05.2`."""
    local = wall.astimezone(zone)
    return f"{local:%H:%M:%S}.{local.microsecond // 100_000}"


def sentence(step: ExplainedStep, names: Mapping[AgentId, str], zone: tzinfo | None) -> str:
    """What happened; "" for what another step says too."""
    match step.fact:
        case Queued(queue=queue, channel=channel):
            return f"joins queue {queue}" + ("" if channel == "call" else f" as a {channel}")
        case Widened(language=language) if language:
            return f"needs {language} no more, since nobody on duty has it"
        case Widened(widening_step=number):
            return f"widening step {number} is reached"
        case ReservedForAgent(agent=agent, until=until):
            return f"is kept for {agent_in_words(agent, names)} for {until - step.at:.1f} s"
        case Offered(agent=agent, is_manual_assignment=is_manual_assignment, ring_for_s=ring_for_s):
            manual = ", assigned manually" if is_manual_assignment else ""
            return f"rings {agent_in_words(agent, names)}, for at most {ring_for_s:g} s{manual}"
        case OfferWithdrawn(cause=WithdrawCause.EXPIRED):
            return ""
        case OfferWithdrawn(agent=agent, cause=why):
            return f"stops ringing {agent_in_words(agent, names)}: {why.value.replace('_', ' ')}"
        case OfferMissed(agent=agent, cause=cause):
            return f"{agent_in_words(agent, names)} does not take it: {cause.value.replace('_', ' ')}"
        case Connected(agent=agent, waited_s=waited_s, is_in_time=is_in_time):
            target = "within the target" if is_in_time else "beyond the target"
            return f"{agent_in_words(agent, names)} answers, after {waited_s:.1f} s in the queue, {target}"
        case LateAccept():
            return "an agent answers too late; nobody talks"
        case TalkFinished(agent=agent, talked_s=talked_s):
            return f"the talk with {agent_in_words(agent, names)} is over after {talked_s:.1f} s"
        case Departed(cause=leave, waited_s=waited_s, is_short=is_short):
            short = " (a short abandon)" if is_short else ""
            return f"leaves after {waited_s:.1f} s: {leave.value.replace('_', ' ')}{short}"
        case Overflowed(queue=queue, cause=rule, target=target_, waited_s=waited_s):
            overflow_reason = wording.WHY_OVERFLOWED[rule]
            return f"is sent from {queue} to {overflow_target(target_)} after {waited_s:.1f} s: {overflow_reason}"
        case Announce(position=position, wait_s=wait_s):
            return f"hears position {position}" + (f", a wait of {wait_s:g} s" if wait_s is not None else "")
        case InputRefused(reason=refusal):
            return f"could not join a queue: {refusal.value.replace('_', ' ')}"
        case CallerPaused():
            return "goes into a side flow and keeps the place"
        case CallerResumed():
            return "comes back from the flow"
        case CallerAssigned(agent=agent):
            return f"the caller is assigned to {agent_in_words(agent, names)}"
        case _:
            return ""


def overflow_target(target: OverflowTarget) -> str:
    """Where an overflow leads."""
    match target:
        case ToQueue(queue=queue):
            return f"queue {queue}"
        case ToAnnouncement(prompt=prompt):
            return f"announcement {prompt}"
        case ToFlow(flow=flow):
            return f"flow {flow}"
        case ToExternalNumber(number=number):
            return f"number {number}"
        case _:
            assert_never(target)


def agent_in_words(agent: AgentId, names: Mapping[AgentId, str]) -> str:
    """`agent 1001 (Anna)`."""
    return f"agent {agent} ({names[agent]})" if names.get(agent) else f"agent {agent}"


def reasons(step: ExplainedStep, names: Mapping[AgentId, str], top: int) -> list[RenderableType]:
    """The callers and agents that a choice was made from."""
    after = step.explanation
    if step.evidence is None:
        waits = after is not None and (after.ringing is None or isinstance(step.fact, Departed))
        return [around(after)] if after is not None and waits else []
    why = step.evidence.explanation
    match step.fact:
        case Offered(agent=agent):
            lines: list[RenderableType] = [*who_was_chosen(agent, why), *why_this_caller(agent, step.evidence)]
            return [*lines, *candidate_table(why, names, step.at, top)]
        case Widened():
            needs = wording.needs(after.needs) if after is not None else "nothing, since it has left"
            return [f"needed {wording.needs(why.needs)}; from here on {needs}"]
        case _:
            return [around(why)]


def around(why: Explanation) -> str:
    """What a waiting caller needs, and why no agent could be offered."""
    agents = count_exclusions(why.candidates)
    return f"position {why.position} in {why.queue}, needs {wording.needs(why.needs)}; agents: {agents}"


def who_was_chosen(agent: AgentId, why: Explanation) -> list[str]:
    """Why this agent was chosen."""
    free = sum(each.exclusion is None for each in why.candidates)
    first = next((each.agent for each in why.candidates if each.exclusion is None), None)
    order = f"the highest level, then {wording.WHO_COMES_FIRST[why.strategy]}"
    if first != agent:
        return [f"why {agent}: assigned manually, regardless of the order"]
    if free == 1:
        return [f"why {agent}: the only one of {len(why.candidates)} agents who was free and has what the caller needs"]
    return [f"why {agent}: first of {free} who were free; the order: {order}"]


def why_this_caller(agent: AgentId, evidence: Evidence) -> list[str]:
    """Why this caller was chosen among those who waited."""
    why = evidence.explanation
    passed_over = [
        caller for caller in evidence.competing_callers if caller.key < why.key and caller.excluded_by is not None
    ]
    behind = [caller for caller in evidence.competing_callers if caller.key > why.key and caller.excluded_by is None]
    lines = [f"why this caller: position {why.position} in {why.queue}, {wording.caller_key(why)}"]
    if not evidence.competing_callers_total:
        alone = "for each caller before, a phone is ringing already" if why.position > 1 else "nobody else waited"
        return [f"{lines[0]}; {alone}"]
    if behind:
        lines.append(f"waited less urgently: {some(behind, [caller_in_words(caller) for caller in behind])}")
    if passed_over:
        barred = [f"{caller_in_words(caller)}, {barrier(caller)}" for caller in passed_over]
        lines.append(f"more urgent, but not for {agent}: {some(passed_over, barred)}")
    others = evidence.competing_callers_total - len(behind) - len(passed_over)
    if others:
        lines.append(f"waited as well: {others}")
    return lines


def some(callers: list[CompetingCaller], words: list[str]) -> str:
    """The first few, then how many more."""
    rest = len(callers) - COMPETING_CALLERS_SHOWN
    return "; ".join(words[:COMPETING_CALLERS_SHOWN]) + (f"; and {rest} more" if rest > 0 else "")


def caller_in_words(caller: CompetingCaller) -> str:
    """Another caller: number, queue and urgency."""
    return f"{caller.label or caller.entry} in {caller.queue} ({wording.urgency(caller.key)})"


def barrier(caller: CompetingCaller) -> str:
    """Why another caller could not be offered to the agent."""
    if caller.excluded_by is None:
        return ""
    return wording.WHY_NOT_OFFERED[caller.excluded_by] + (f" {caller.detail}" if caller.detail else "")


def candidate_table(why: Explanation, names: Mapping[AgentId, str], now: float, top: int) -> list[RenderableType]:
    """The best candidates as a table; the others counted by what removed them."""
    if not why.candidates:
        return ["no agent is known"]
    table = Table("agent", "name", "state or filter", "order")
    for each in why.candidates[:top]:
        order = wording.agent_key(why.strategy, each.key, now) if each.key is not None else ""
        table.add_row(each.agent, names.get(each.agent, ""), wording.candidate_reason(each), order)
    rest = why.candidates[top:]
    return [table, f"the other {len(rest)}: {count_exclusions(rest)}"] if rest else [table]


def count_exclusions(rest: Iterable[Candidate]) -> str:
    """`3 talking, 1 lacks the skill`, in the order of the filters."""
    kinds = Counter(wording.WHY_NOT_OFFERED[each.exclusion] if each.exclusion else "free" for each in rest)
    return ", ".join(f"{number} {kind}" for kind, number in kinds.items()) or "none is known"


# ---- for programs ---------------------------------------------------------------------------------------------------


def trace_fields(explained: CallExplanation) -> Mapping[str, object]:
    """The trace with the kind of every step, and order keys as objects."""
    return {
        "call_id": explained.call,
        "caller": explained.label,
        "is_as_recorded": explained.is_as_recorded,
        "problems": explained.problems,
        "steps": [step_fields(step, explained.names) for step in explained.steps],
        "standing": None if explained.moment is None else moment_fields(explained.moment, explained.names),
    }


def step_fields(step: ExplainedStep, names: Mapping[AgentId, str]) -> Mapping[str, object]:
    """One step: when, its kind, its fact with the fact's fields, and the evidence for it."""
    fields: dict[str, object] = {"time": step.wall, "at": step.at, "kind": type(step.fact).__name__, "fact": step.fact}
    if step.explanation is not None:
        fields["standing"] = why_fields(step.explanation, names)
    if step.evidence is not None:
        fields["why"] = why_fields(step.evidence.explanation, names)
        fields["competing_callers"] = [
            {**own_fields(caller), "key": caller.key._asdict()} for caller in step.evidence.competing_callers
        ]
        fields["competing_callers_total"] = step.evidence.competing_callers_total
    return fields


def moment_fields(moment: WaitingMoment, names: Mapping[AgentId, str]) -> Mapping[str, object]:
    """The call at one moment."""
    return {"time": moment.wall, "at": moment.at, "why": why_fields(moment.explanation, names)}


def why_fields(why: Explanation, names: Mapping[AgentId, str]) -> Mapping[str, object]:
    """An explanation with agents' names."""
    listed = [
        {**own_fields(each), "name": names.get(each.agent, ""), "key": each.key._asdict() if each.key else None}
        for each in why.candidates
    ]
    return {**own_fields(why), "key": why.key._asdict(), "candidates": listed}


def own_fields(value: CompetingCaller | Candidate | Explanation) -> Mapping[str, object]:
    """Its fields by name, not those of what is in them."""
    return {field.name: getattr(value, field.name) for field in dataclass_fields(value)}
