"""Checks a flow before it takes calls.

Everything that a node names must exist, and a value must be kept before it is read. Every node must be reachable. From
every node, a caller who presses nothing must come to an end: no cycle of nodes or of flows may consist of silent
transitions.
"""

from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import assert_never

from acdcore.ivr.checks.data_flow import kept_before, unknown_values, values_kept
from acdcore.ivr.checks.spoken_questions import wrong_in_listening
from acdcore.ivr.checks.transitions import circle, reached, silent_circle, transitions
from acdcore.ivr.flow.questions import PASSES_OVER
from acdcore.ivr.model.flow import (
    BranchNode,
    CalendarState,
    CallbackNode,
    CollectNode,
    ConfirmNode,
    ExternalNumberNode,
    Flow,
    FlowName,
    FlowNode,
    HangUpNode,
    Language,
    LanguageNode,
    ListenNode,
    MenuNode,
    MessageNode,
    Node,
    PlayNode,
    PromptKey,
    PromptName,
    QuestionNode,
    QueueNode,
    RecordNode,
    ReturnNode,
    ServiceNode,
    ValueToRead,
)
from acdcore.ivr.model.kinds import AnswerForm, BranchOn, CallbackChoice, Choices, Digits, Range
from acdcore.ivr.model.system_prompts import SYSTEM, system_names
from acdcore.ivr.model.variables import GIVEN_VARIABLES, KEYS, UNKNOWN_TIER
from acdcore.kernel.ids import QueueName
from acdcore.kernel.mistakes import near

TIERS = frozenset({"standard", "silver", "gold", "vip"})
"""The customer tiers that the directory knows."""

NO_PROMPT = "there is no prompt"
ABSENT = (NO_PROMPT, "there is no queue", "there is no service", "there is no region", "there is no trunk")
"""Beginnings of messages about missing things: such a mistake is reported once, even if many nodes name the thing."""


@dataclass(frozen=True, slots=True)
class FlowReferences:
    """Names outside of a flow that the flow may refer to."""

    queues: frozenset[QueueName] | None
    """All queues; None: not known here, and not checked."""
    tiers: frozenset[str] = TIERS
    """All customer tiers."""
    services: frozenset[str] | None = None
    """All services that may be asked; None: not known here, and not checked."""
    regions: frozenset[str] | None = None
    """All regions; None: not checked."""
    shifts: frozenset[str] | None = None
    """The shifts of all calendars; None: not checked."""
    days: frozenset[str] | None = None
    """The named holidays and special days of all calendars; None: not checked."""
    trunks: frozenset[str] | None = None
    """All trunks that may dial out; None: not checked."""


@dataclass(frozen=True, slots=True)
class FlowProblem:
    """Something that is wrong with a flow."""

    key: str
    """The key in the file, with dots."""
    reason: str
    """What is wrong and what to do."""


def validate(flow: Flow, references: FlowReferences) -> list[FlowProblem]:
    """All mistakes of `flow`, each once; empty when it may take calls.

    Which nodes are reached, and which values are kept there, is checked only when every transition leads to a node that
    exists: a transition to a missing node may be meant to lead to any node.
    """
    problems = [*_flow_problems(flow)]
    leads_astray = is_astray(flow)
    known = kept_before(flow)
    for name, node in flow.nodes.items():
        at = f"nodes.{name}"
        problems += _target_problems(flow, at, node)
        problems += _prompt_problems(flow, at, node)
        problems += _value_problems(flow, at, node, references)
        values = unknown_values(flow, name, None if leads_astray else known[name])
        problems += [FlowProblem(f"{at}.{key}", reason) for key, reason in values]
    if not leads_astray:
        problems += _unreachable(flow)
        problems += _unrecorded(flow)
    problems += _silent_circles(flow)
    return _each_once(problems)


def is_astray(flow: Flow) -> bool:
    """Whether a transition of the flow leads to a node that does not exist."""
    targets = {transition.target for node in flow.nodes.values() for transition in transitions(node)}
    return bool((targets | {flow.start}) - flow.nodes.keys())


def _each_once(problems: Iterable[FlowProblem]) -> list[FlowProblem]:
    """Report a missing thing once, at the first key that names it, with the other keys in the message."""
    places: dict[str, list[str]] = {}
    once: list[FlowProblem] = []
    for problem in problems:
        is_absent = problem.reason.startswith(ABSENT)
        if not is_absent or problem.reason not in places:
            once.append(problem)
        if is_absent:
            places.setdefault(problem.reason, []).append(problem.key)
    return [replace(one, reason=one.reason + _also(places.get(one.reason, [])[1:])) for one in once]


def _also(keys: list[str]) -> str:
    return f" (also named by {', '.join(keys[:3])}{' and others' if len(keys) > 3 else ''})" if keys else ""


def validate_together(
    flows: Mapping[FlowName, Flow], unread: Collection[FlowName] = ()
) -> list[tuple[Flow, FlowProblem]]:
    """Mistakes of flows that lead into each other, each with the flow whose file has to be corrected.

    `unread` are flows whose files exist but could not be read.
    """
    problems = [(flow, problem) for flow in flows.values() for problem in _hand_overs(flow, flows, unread)]
    round_trip = circle({name: _silent_flows(flow, flows) for name, flow in flows.items()})
    if round_trip:
        transition = " -> ".join([*round_trip, round_trip[0]])
        reason = f"a caller who presses nothing goes round for ever through flows: {transition}; let one of them end"
        problems.append((flows[round_trip[0]], FlowProblem("nodes", reason)))
    return problems


def _flow_problems(flow: Flow) -> Iterator[FlowProblem]:
    if flow.language not in flow.languages:
        yield FlowProblem("language", f"{flow.language.value} is not among languages; add it there")
    if flow.start not in flow.nodes:
        yield FlowProblem("start", f"there is no node {flow.start}; name one of nodes{near(flow.start, flow.nodes)}")


# --- transitions -----------------------------------------------------------------------------------------------


def _target_problems(flow: Flow, at: str, node: Node) -> Iterator[FlowProblem]:
    for transition in transitions(node):
        if transition.target not in flow.nodes:
            yield FlowProblem(
                f"{at}.{transition.key}",
                f"there is no node {transition.target}; name one of nodes{near(transition.target, flow.nodes)}",
            )


def _unreachable(flow: Flow) -> Iterator[FlowProblem]:
    found = reached(flow, [flow.start])
    for name in flow.nodes:
        if name not in found:
            yield FlowProblem(
                f"nodes.{name}", "no transition leads here from start; remove this node or name it as a target"
            )


def _unrecorded(flow: Flow) -> Iterator[FlowProblem]:
    found = reached(flow, [node.next for node in flow.nodes.values() if isinstance(node, RecordNode)])
    for name, node in flow.nodes.items():
        if isinstance(node, MessageNode) and name not in found:
            yield FlowProblem(f"nodes.{name}", "nothing is recorded before this message; let a record lead here")


def _silent_circles(flow: Flow) -> Iterator[FlowProblem]:
    round_trip = silent_circle(flow)
    if round_trip:
        transition = " -> ".join([*round_trip, round_trip[0]])
        yield FlowProblem(
            f"nodes.{round_trip[0]}", f"a caller who presses nothing goes round for ever: {transition}; let it end"
        )


def _hand_overs(flow: Flow, flows: Mapping[FlowName, Flow], unread: Collection[FlowName]) -> Iterator[FlowProblem]:
    known = None if is_astray(flow) else kept_before(flow)
    for name, node in flow.nodes.items():
        if not isinstance(node, FlowNode) or node.flow in unread:
            continue
        if node.flow not in flows:
            there = sorted({*flows, *unread})
            yield FlowProblem(
                f"nodes.{name}.flow",
                f"there is no flow {node.flow}; there are: {', '.join(there)}{near(node.flow, there)}",
            )
            continue
        for variable in sorted(flows[node.flow].takes - known[name]) if known is not None else ():
            yield FlowProblem(f"nodes.{name}.flow", f"{node.flow} takes {variable}, which nothing keeps before this")


def _silent_flows(flow: Flow, flows: Mapping[FlowName, Flow]) -> set[FlowName]:
    """The flows that a caller who presses nothing reaches from the start of this one."""
    nodes = [flow.nodes[name] for name in reached(flow, [flow.start], by_silence_only=True)]
    return {node.flow for node in nodes if isinstance(node, FlowNode) and node.flow in flows}


# --- prompts ---------------------------------------------------------------------------------------------------


def _prompt_problems(flow: Flow, at: str, node: Node) -> Iterator[FlowProblem]:
    for key, names in prompts_of(node):
        for name in names:
            yield from _missing(flow, f"{at}.{key}", name, _languages_of(flow, node))


def prompts_of(node: Node) -> list[tuple[str, tuple[PromptName, ...]]]:
    """The prompts that a node may play, by the keys that name them."""
    match node:
        case CollectNode():
            return [("prompts", node.prompts), ("invalid_prompts", node.invalid_prompts)]
        case MenuNode() | QuestionNode() | ConfirmNode():
            return [("before", node.before), ("prompts", node.prompts), ("invalid_prompts", node.invalid_prompts)]
        case ListenNode():
            asked = ("confirm", tuple(node.confirm.values()))
            return [("prompts", node.prompts), ("invalid_prompts", node.invalid_prompts), asked]
        case PlayNode():
            return [("prompts", tuple(part for part in node.prompts if not isinstance(part, ValueToRead)))]
        case LanguageNode() | HangUpNode() | RecordNode():
            return [("prompts", node.prompts)]
        case ServiceNode():
            return [("while_waiting", node.while_waiting)]
        case _:
            return []


def _languages_of(flow: Flow, node: Node) -> tuple[Language, ...]:
    return tuple(node.keys.values()) if isinstance(node, LanguageNode) else flow.languages


def _missing(flow: Flow, key: str, name: PromptName, languages: tuple[Language, ...]) -> Iterator[FlowProblem]:
    owner, _, short = name.partition(".")
    if owner == SYSTEM:
        if short not in system_names():
            yield FlowProblem(key, f"{NO_PROMPT} {name} in the system's prompts")
        return
    absent = [language.value for language in languages if PromptKey(name, language) not in flow.prompts]
    if len(absent) == len(languages):
        own = {str(prompt.name).partition(".")[2] for prompt in flow.prompts}
        yield FlowProblem(key, f"{NO_PROMPT} {short}; add [prompts.{short}]{near(short, own)}")
    elif absent:
        yield FlowProblem(
            f"prompts.{short}", f"missing in {', '.join(absent)}, which the flow speaks; add a text or wav"
        )


# --- values ----------------------------------------------------------------------------------------------------


def _value_problems(flow: Flow, at: str, node: Node, references: FlowReferences) -> Iterator[FlowProblem]:
    for key, variable in values_kept(node):
        if variable in GIVEN_VARIABLES:
            yield FlowProblem(f"{at}.{key}", f"{variable} is the call's own number; take another name")
    match node:
        case MenuNode():
            yield from _key_problems(f"{at}.keys", node.keys)
            yield from _kept_choices(at, node)
        case LanguageNode():
            yield from _key_problems(f"{at}.keys", node.keys)
            yield from _language_problems(flow, at, node)
        case CollectNode() if node.min_digits > node.max_digits:
            yield FlowProblem(f"{at}.min_digits", f"{node.min_digits} is more than max_digits, {node.max_digits}")
        case ConfirmNode():
            yield from _key_problems(f"{at}.yes_key", [node.yes_key])
            yield from _key_problems(f"{at}.no_key", [node.no_key])
            if node.yes_key == node.no_key:
                yield FlowProblem(f"{at}.no_key", f"{node.no_key} means yes already; take another key")
        case QuestionNode():
            yield from _question_problems(at, node)
        case ListenNode():
            yield from (FlowProblem(f"{at}.{key}", reason) for key, reason in wrong_in_listening(flow, node))
        case RecordNode():
            yield from _key_problems(f"{at}.end_keys", sorted(node.keys))
            if node.min_s >= node.max_s:
                yield FlowProblem(f"{at}.min_s", f"{node.min_s:g} s leaves nothing below max_s, {node.max_s:g} s")
        case ServiceNode():
            yield from _known(f"{at}.service", "service", [node.service], references.services)
        case BranchNode():
            yield from _branch_problems(flow, at, node, references)
        case QueueNode():
            yield from _known(f"{at}.queue", "queue", [node.queue], references.queues)
            tiers = references.tiers | {UNKNOWN_TIER}
            for tier in node.tier_priority_s:
                yield from _known(f"{at}.tier_priority_s.{tier}", "tier", [tier], tiers)
        case ExternalNumberNode() if node.trunk:
            yield from _known(f"{at}.trunk", "trunk that may dial out", [node.trunk], references.trunks)
        case MessageNode() | CallbackNode() | ReturnNode():
            yield from _known(f"{at}.queue", "queue", [node.queue], references.queues)
        case _:
            return


def _known(key: str, kind: str, names: Iterable[str], there: Collection[str] | None) -> Iterator[FlowProblem]:
    for name in names:
        if there is not None and name not in there:
            yield FlowProblem(
                key, f"there is no {kind} {name}; there are: {', '.join(sorted(there)) or 'none'}{near(name, there)}"
            )


def _key_problems(at: str, keys: Iterable[str]) -> Iterator[FlowProblem]:
    for key in keys:
        if key not in KEYS:
            where = f"{at}.{key}" if at.endswith("keys") else at
            yield FlowProblem(where, f"{key or 'nothing'} is no such key on a telephone; use one of 0 to 9, * and #")


def _kept_choices(at: str, node: MenuNode) -> Iterator[FlowProblem]:
    if node.values and node.variable is None:
        yield FlowProblem(f"{at}.values", "are kept nowhere; add variable")
    for key in node.values:
        if key not in node.keys:
            yield FlowProblem(f"{at}.values.{key}", "is a key that leads nowhere; add it to keys")


def _language_problems(flow: Flow, at: str, node: LanguageNode) -> Iterator[FlowProblem]:
    for key, language in node.keys.items():
        if language not in flow.languages:
            yield FlowProblem(f"{at}.keys.{key}", f"{language.value} is not among languages; add it there")


def _question_problems(at: str, node: QuestionNode) -> Iterator[FlowProblem]:
    if isinstance(node.form, Choices):
        yield from _key_problems(f"{at}.keys", node.form.values)
        if node.is_skippable and PASSES_OVER in node.form.values:
            yield FlowProblem(f"{at}.keys.{PASSES_OVER}", "passes a skippable question over; take another key")
    elif node.form.min > node.form.max:
        yield FlowProblem(f"{at}.min", f"{node.form.min} is more than max, {node.form.max}")
    for value in node.branches:
        if not _is_answer(node.form, value):
            yield FlowProblem(f"{at}.branches.{value}", "is no answer to this question; remove it")


def _is_answer(form: AnswerForm, value: str) -> bool:
    match form:
        case Choices():
            return value in form.values.values()
        case Range():
            return value == str(int(value)) and form.min <= int(value) <= form.max if value.isdecimal() else False
        case Digits():
            return value.isdecimal() and form.min <= len(value) <= form.max
        case _:
            assert_never(form)


def _branch_problems(flow: Flow, at: str, node: BranchNode, references: FlowReferences) -> Iterator[FlowProblem]:
    if node.on is BranchOn.VARIABLE:
        if node.variable is None:
            yield FlowProblem(f"{at}.variable", 'is needed for on = "variable"; name one')
        return
    if node.variable is not None:
        yield FlowProblem(f"{at}.variable", f'belongs to on = "variable", not to on = "{node.on.value}"; remove it')
    there = _cases(flow, node.on, references)
    kind = "case" if node.on in (BranchOn.CALENDAR, BranchOn.CALLBACK) else node.on.value
    for case in node.cases:
        yield from _known(f"{at}.cases.{case}", kind, [case], there)


def _cases(flow: Flow, on: BranchOn, references: FlowReferences) -> Collection[str] | None:
    """The cases that a branch may have; None: any."""
    match on:
        case BranchOn.TIER:
            return references.tiers | {UNKNOWN_TIER}
        case BranchOn.LANGUAGE:
            return [language.value for language in flow.languages]
        case BranchOn.CALENDAR:
            return [state.value for state in CalendarState]
        case BranchOn.QUEUE:
            return references.queues
        case BranchOn.SHIFT:
            return references.shifts
        case BranchOn.DAY:
            return references.days
        case BranchOn.REGION:
            return references.regions
        case BranchOn.CALLBACK:
            return [choice.value for choice in CallbackChoice]
        case BranchOn.VARIABLE:
            return None
        case _:
            assert_never(on)
