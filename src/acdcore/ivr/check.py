"""What makes a flow fit for calls, checked before the first one.

Every target, prompt, queue, tier and variable that a node names exists; every node can be reached; and a caller who
presses nothing comes to an end from wherever he is: no circle of nodes can be walked in silence.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import assert_never

from acdcore.ivr.kinds import BranchOn
from acdcore.ivr.model import (
    BranchNode,
    CalendarState,
    CollectNode,
    Flow,
    HangUpNode,
    Language,
    LanguageNode,
    LookupNode,
    MenuNode,
    Node,
    NodeName,
    OutsideNode,
    PlayNode,
    PromptKey,
    PromptName,
    QueueNode,
    VariableName,
)
from acdcore.ivr.system import SYSTEM, system_names
from acdcore.ivr.variables import GIVEN_VARIABLES, KEYS, UNKNOWN_TIER
from acdcore.kernel.ids import QueueName

TIERS = frozenset({"standard", "silver", "gold", "vip"})
"""The customer tiers that the directory knows."""


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What a flow may refer to outside of itself."""

    queues: frozenset[QueueName]
    """All queues."""
    tiers: frozenset[str] = TIERS
    """All customer tiers."""


@dataclass(frozen=True, slots=True)
class Problem:
    """Something that is wrong with a flow."""

    key: str
    """Where in the file, dotted."""
    reason: str
    """What is wrong and how to mend it."""


@dataclass(frozen=True, slots=True)
class _Edge:
    """A way from one node to another."""

    key: str
    """The key of the node's table that names the target."""
    target: NodeName
    """Where it leads."""
    is_silent: bool
    """Whether it can be taken without the caller pressing a key."""


def validate(flow: Flow, surroundings: Surroundings) -> list[Problem]:
    """Everything that is wrong with `flow`; empty when it may take calls."""
    problems = [*_flow_problems(flow)]
    for name, node in flow.nodes.items():
        at = f"nodes.{name}"
        problems += _target_problems(flow, at, node)
        problems += _prompt_problems(flow, at, node)
        problems += _value_problems(flow, at, node, surroundings)
    problems += _unreachable(flow)
    problems += _silent_circles(flow)
    return problems


def _flow_problems(flow: Flow) -> Iterator[Problem]:
    if flow.language not in flow.languages:
        yield Problem("language", f"{flow.language.value} is not among languages; add it there")
    if flow.start not in flow.nodes:
        yield Problem("start", f"there is no node {flow.start}; name one of nodes")


# --- edges -----------------------------------------------------------------------------------------------------


def _edges(node: Node) -> list[_Edge]:
    match node:
        case PlayNode():
            return [_Edge("next", node.next, True)]
        case MenuNode():
            return [
                *_table_edges("keys", node.keys, is_silent=False),
                _Edge("on_timeout", node.on_timeout, True),
                _Edge("on_invalid", node.on_invalid, False),
            ]
        case CollectNode():
            return [_Edge("next", node.next, False), _Edge("on_failure", node.on_failure, True)]
        case LanguageNode():
            return [_Edge("next", node.next, True)]
        case LookupNode():
            return [
                _Edge("found", node.found, True),
                _Edge("not_found", node.not_found, True),
                _Edge("unavailable", node.unavailable, True),
            ]
        case BranchNode():
            return [*_table_edges("cases", node.cases, is_silent=True), _Edge("otherwise", node.otherwise, True)]
        case QueueNode() | OutsideNode() | HangUpNode():
            return []
        case _:
            assert_never(node)


def _table_edges(table: str, targets: Mapping[str, NodeName], *, is_silent: bool) -> list[_Edge]:
    return [_Edge(f"{table}.{key}", target, is_silent) for key, target in targets.items()]


def _target_problems(flow: Flow, at: str, node: Node) -> Iterator[Problem]:
    for edge in _edges(node):
        if edge.target not in flow.nodes:
            yield Problem(f"{at}.{edge.key}", f"there is no node {edge.target}; name one of nodes")


def _unreachable(flow: Flow) -> Iterator[Problem]:
    reached: set[NodeName] = set()
    ahead = [flow.start]
    while ahead:
        name = ahead.pop()
        node = flow.nodes.get(name)
        if node is None or name in reached:
            continue
        reached.add(name)
        ahead += [edge.target for edge in _edges(node)]
    for name in flow.nodes:
        if name not in reached:
            yield Problem(f"nodes.{name}", "no way leads here from start; remove it or name it as a target")


def _silent_circles(flow: Flow) -> Iterator[Problem]:
    """Nodes that still have a silent predecessor when all silent ends are taken away, over and over, form circles."""
    silent = {
        name: {edge.target for edge in _edges(node) if edge.is_silent and edge.target in flow.nodes}
        for name, node in flow.nodes.items()
    }
    is_shrinking = True
    while is_shrinking:
        ends = {name for name, targets in silent.items() if not targets}
        silent = {name: targets - ends for name, targets in silent.items() if name not in ends}
        is_shrinking = bool(ends)
    if silent:
        circle = _one_circle(silent)
        way = " -> ".join([*circle, circle[0]])
        yield Problem(f"nodes.{circle[0]}", f"a caller who presses nothing goes round for ever: {way}; let it end")


def _one_circle(silent: Mapping[NodeName, set[NodeName]]) -> list[NodeName]:
    """Follow silent ways, which never end here, until a node comes again."""
    way: list[NodeName] = []
    name = min(silent)
    while name not in way:
        way.append(name)
        name = min(silent[name])
    return way[way.index(name) :]


# --- prompts ---------------------------------------------------------------------------------------------------


def _prompt_problems(flow: Flow, at: str, node: Node) -> Iterator[Problem]:
    for key, names in _prompts_of(node):
        for name in names:
            yield from _missing(flow, f"{at}.{key}", name, _languages_of(flow, node))


def _prompts_of(node: Node) -> list[tuple[str, tuple[PromptName, ...]]]:
    match node:
        case MenuNode() | CollectNode():
            return [("prompts", node.prompts), ("invalid_prompts", node.invalid_prompts)]
        case PlayNode() | LanguageNode() | HangUpNode():
            return [("prompts", node.prompts)]
        case LookupNode() | BranchNode() | QueueNode() | OutsideNode():
            return []
        case _:
            assert_never(node)


def _languages_of(flow: Flow, node: Node) -> tuple[Language, ...]:
    return tuple(node.keys.values()) if isinstance(node, LanguageNode) else flow.languages


def _missing(flow: Flow, key: str, name: PromptName, languages: tuple[Language, ...]) -> Iterator[Problem]:
    owner, _, short = name.partition(".")
    if owner == SYSTEM:
        if short not in system_names():
            yield Problem(key, f"there is no prompt {name} in the system's prompts")
        return
    absent = [language.value for language in languages if PromptKey(name, language) not in flow.prompts]
    if len(absent) == len(languages):
        yield Problem(key, f"there is no prompt {short}; add [prompts.{short}]")
    elif absent:
        yield Problem(f"prompts.{short}", f"missing in {', '.join(absent)}, which the flow speaks; add a text or wav")


# --- values ----------------------------------------------------------------------------------------------------


def _value_problems(flow: Flow, at: str, node: Node, surroundings: Surroundings) -> Iterator[Problem]:
    match node:
        case MenuNode() | LanguageNode():
            yield from _key_problems(flow, at, node)
        case CollectNode():
            yield from _collect_problems(at, node)
        case LookupNode():
            yield from _variable_problems(flow, at, node.variable)
        case BranchNode():
            yield from _branch_problems(flow, at, node, surroundings)
        case QueueNode():
            yield from _queue_problems(at, node, surroundings)
        case PlayNode() | OutsideNode() | HangUpNode():
            return
        case _:
            assert_never(node)


def _key_problems(flow: Flow, at: str, node: MenuNode | LanguageNode) -> Iterator[Problem]:
    for key in node.keys:
        if key not in KEYS:
            yield Problem(f"{at}.keys.{key}", "no such key on a telephone; use one of 0 to 9, * and #")
    if isinstance(node, MenuNode):
        return
    for key, language in node.keys.items():
        if language not in flow.languages:
            yield Problem(f"{at}.keys.{key}", f"{language.value} is not among languages; add it there")


def _collect_problems(at: str, node: CollectNode) -> Iterator[Problem]:
    if node.min_digits > node.max_digits:
        yield Problem(f"{at}.min_digits", f"{node.min_digits} is more than max_digits, {node.max_digits}")
    if node.variable in GIVEN_VARIABLES:
        yield Problem(f"{at}.variable", f"{node.variable} is the call's own number; take another name")


def _variable_problems(flow: Flow, at: str, variable: VariableName | None) -> Iterator[Problem]:
    collected = {node.variable for node in flow.nodes.values() if isinstance(node, CollectNode)}
    if variable not in collected | GIVEN_VARIABLES:
        names = ", ".join(sorted(collected | GIVEN_VARIABLES))
        yield Problem(f"{at}.variable", f"nothing is kept as {variable}; there are: {names}")


def _branch_problems(flow: Flow, at: str, node: BranchNode, surroundings: Surroundings) -> Iterator[Problem]:
    match node.on:
        case BranchOn.VARIABLE:
            yield from _variable_problems(flow, at, node.variable)
            return
        case BranchOn.TIER:
            known = surroundings.tiers | {UNKNOWN_TIER}
        case BranchOn.LANGUAGE:
            known = frozenset(language.value for language in flow.languages)
        case BranchOn.CALENDAR:
            known = frozenset(state.value for state in CalendarState)
        case _:
            assert_never(node.on)
    if node.variable is not None:
        yield Problem(f"{at}.variable", f'belongs to on = "variable", not to on = "{node.on.value}"; remove it')
    for case in node.cases:
        if case not in known:
            yield Problem(f"{at}.cases.{case}", f"no such {node.on.value}; there are: {', '.join(sorted(known))}")


def _queue_problems(at: str, node: QueueNode, surroundings: Surroundings) -> Iterator[Problem]:
    if node.queue not in surroundings.queues:
        names = ", ".join(sorted(surroundings.queues)) or "none"
        yield Problem(f"{at}.queue", f"there is no queue {node.queue}; there are: {names}")
    for tier in node.tier_advance_s:
        if tier not in surroundings.tiers | {UNKNOWN_TIER}:
            names = ", ".join(sorted(surroundings.tiers))
            yield Problem(f"{at}.tier_advance_s.{tier}", f"no such tier; there are: {names}")
