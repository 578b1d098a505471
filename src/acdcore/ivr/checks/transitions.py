"""The transitions of a flow: which node leads where, which nodes are reached, and which cycles silence would follow."""

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
    """A transition from one node to another."""

    key: str
    """The key of the node's table that names the target."""
    target: NodeName
    """The node that it leads to."""
    is_silent: bool = True
    """Whether a caller who presses no key can take it."""


def transitions(node: Node) -> list[Transition]:
    """All transitions from a node; none from a node that ends the flow.

    The transitions of a recording count as silent: a noisy line may be taken for speech, and the recording ends at once
    when it cannot be kept. So does a confirmation's `no`, which is taken at once when there is no value.
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
                # on_invalid, when the file leaves it out, is on_timeout, and is not named as a separate key.
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
    """The transitions of a ListenNode. What is not understood counts as silent: it may be the noise of a line."""
    silent = [Transition("on_timeout", node.on_timeout), Transition("unavailable", node.unavailable)]
    if node.on_no_match != node.on_timeout:
        silent.append(Transition("on_no_match", node.on_no_match))
    other = [] if node.otherwise is None else [Transition("otherwise", node.otherwise, is_silent=False)]
    cases, keys = _table("cases", node.cases, is_silent=False), _table("keys", node.keys, is_silent=False)
    return [*cases, *other, *keys, *silent]


def reached(flow: Flow, starts: Iterable[NodeName], *, by_silence_only: bool = False) -> set[NodeName]:
    """All nodes that are reachable from `starts`, these included."""
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
    """A cycle of nodes that a caller who presses nothing would never leave; empty when there is none."""
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
    """One cycle of a graph, or empty; found by removing nodes without a successor until none is left to remove."""
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
