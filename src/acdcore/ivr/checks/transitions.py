"""The ways through a flow: which node leads where, what can be reached, and which circles silence would walk."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import TypeVar, assert_never

from acdcore.ivr.model.flow import (
    BranchNode,
    CallbackNode,
    CollectNode,
    ConfirmNode,
    ExternalNumberNode,
    Flow,
    FlowNode,
    HangUpNode,
    LanguageNode,
    ListenNode,
    LookupNode,
    MenuNode,
    MessageNode,
    Node,
    NodeName,
    PlayNode,
    QuestionNode,
    QueueNode,
    RecordNode,
    ReturnNode,
    ServiceNode,
)

Place = TypeVar("Place", bound=str)
"""A node of one flow, or a flow among others."""


@dataclass(frozen=True, slots=True)
class Transition:
    """A way from one node to another."""

    key: str
    """The key of the node's table that names the target."""
    target: NodeName
    """Where it leads."""
    is_silent: bool = True
    """Whether it can be taken without the caller pressing a key."""


def transitions(node: Node) -> list[Transition]:
    """All ways out of a node; none from one that ends the flow.

    A recording counts as silent: it takes a silent line for speech, and ends at once when it cannot be kept. So does a
    confirmation's `no`, which is taken at once when there is no value.
    """
    match node:
        case PlayNode():
            return [
                Transition("next", node.next),
                *([Transition("on_failure", node.on_failure)] if node.on_failure else []),
            ]
        case MenuNode():
            return [
                *_table("keys", node.keys, is_silent=False),
                Transition("on_timeout", node.on_timeout),
                # One that the file leaves out is on_timeout, and is not named as a key of its own.
                *(
                    [Transition("on_invalid", node.on_invalid, is_silent=False)]
                    if node.on_invalid != node.on_timeout
                    else []
                ),
            ]
        case CollectNode():
            return [Transition("next", node.next, is_silent=False), Transition("on_failure", node.on_failure)]
        case ConfirmNode():
            return [
                Transition("yes", node.yes, is_silent=False),
                Transition("no", node.no),
                Transition("on_timeout", node.on_timeout),
            ]
        case QuestionNode():
            return [
                *_table("branches", node.branches, is_silent=False),
                Transition("next", node.next, is_silent=False),
                Transition("on_no_answer", node.on_no_answer),
            ]
        case ListenNode():
            return _of_listening(node)
        case BranchNode():
            return [*_table("cases", node.cases, is_silent=True), Transition("otherwise", node.otherwise)]
        case LanguageNode() | MessageNode():
            return [Transition("next", node.next)]
        case RecordNode():
            full = [] if node.on_full is None else [Transition("on_full", node.on_full)]
            return [Transition("next", node.next), Transition("on_empty", node.on_empty), *full]
        case LookupNode():
            return [
                Transition("found", node.found),
                Transition("not_found", node.not_found),
                Transition("unavailable", node.unavailable),
            ]
        case ServiceNode():
            return [
                Transition("next", node.next),
                Transition("not_found", node.not_found),
                Transition("on_failure", node.on_failure),
            ]
        case CallbackNode():
            return [Transition("next", node.next), Transition("refused", node.refused)]
        case QueueNode() | ReturnNode() | FlowNode() | ExternalNumberNode() | HangUpNode():
            return []
        case _:
            assert_never(node)


def _of_listening(node: ListenNode) -> list[Transition]:
    """A noisy line is no caller who says something: what nobody understands counts as silent."""
    silent = [Transition("on_timeout", node.on_timeout), Transition("unavailable", node.unavailable)]
    if node.on_no_match != node.on_timeout:
        silent.append(Transition("on_no_match", node.on_no_match))
    other = [] if node.otherwise is None else [Transition("otherwise", node.otherwise, is_silent=False)]
    cases, keys = _table("cases", node.cases, is_silent=False), _table("keys", node.keys, is_silent=False)
    return [*cases, *other, *keys, *silent]


def reached(flow: Flow, starts: Iterable[NodeName], *, by_silence_only: bool = False) -> set[NodeName]:
    """All nodes on the ways from `starts`, these included."""
    found: set[NodeName] = set()
    ahead = list(starts)
    while ahead:
        name = ahead.pop()
        node = flow.nodes.get(name)
        if node is None or name in found:
            continue
        found.add(name)
        ahead += [transition.target for transition in transitions(node) if transition.is_silent or not by_silence_only]
    return found


def silent_circle(flow: Flow) -> list[NodeName]:
    """Nodes that a caller who presses nothing would walk round for ever; empty when there are none."""
    return circle(
        {
            name: {
                transition.target
                for transition in transitions(node)
                if transition.is_silent and transition.target in flow.nodes
            }
            for name, node in flow.nodes.items()
        }
    )


def circle(targets: Mapping[Place, set[Place]]) -> list[Place]:
    """One circle of a graph, or nothing: what still has ways on when all dead ends are taken away, over and over."""
    open_transitions = dict(targets)
    is_shrinking = True
    while is_shrinking:
        ends = {name for name, ahead in open_transitions.items() if not ahead}
        open_transitions = {name: ahead - ends for name, ahead in open_transitions.items() if name not in ends}
        is_shrinking = bool(ends)
    if not open_transitions:
        return []
    walked: list[Place] = []
    name = min(open_transitions)
    while name not in walked:
        walked.append(name)
        name = min(open_transitions[name])
    return walked[walked.index(name) :]


def _table(table: str, targets: Mapping[str, NodeName], *, is_silent: bool) -> list[Transition]:
    return [Transition(f"{table}.{key}", target, is_silent) for key, target in targets.items()]
