"""Which values a node reads and keeps: the values that must be known before it, and those that are known after it."""

from collections.abc import Iterator, Sequence

from acdcore.ivr.checks.transitions import reached, transitions
from acdcore.ivr.flow.spoken_answers import names_of
from acdcore.ivr.model.flow import (
    BranchNode,
    CallbackNode,
    CollectNode,
    ConfirmNode,
    Flow,
    ListenNode,
    LookupNode,
    MenuNode,
    MessageNode,
    Node,
    NodeName,
    PlayNode,
    PromptName,
    QuestionNode,
    QueueNode,
    ServiceNode,
    ValueToRead,
    VariableName,
)
from acdcore.ivr.model.variables import CUSTOMER_FIELDS, GIVEN_VARIABLES, OF_CUSTOMER


def values_read(node: Node) -> list[tuple[str, VariableName]]:
    """The variables that a node reads, each with the key of its table that names it."""
    match node:
        case PlayNode():
            return [("parts", part.variable) for part in _reads(node.prompts)]
        case ConfirmNode():
            return [("read", node.value.variable)]
        case LookupNode():
            return [("variable", node.variable)]
        case BranchNode():
            return [("variable", node.variable)] if node.variable else []
        case ServiceNode():
            return [(f"values.{name}", variable) for name, variable in node.values.items()]
        case MessageNode():
            asked = [("subject_from", node.subject_variable), ("reply_from", node.reply_variable)]
            return [("number", node.number), *((key, variable) for key, variable in asked if variable)]
        case CallbackNode():
            return [("number", node.number)]
        case QueueNode():
            return [("preferred", node.preferred)] if node.preferred else []
        case _:
            return []


def values_kept(node: Node) -> list[tuple[str, VariableName]]:
    """The variables that a node keeps, each with the key of its table that names it."""
    match node:
        case CollectNode():
            return [("variable", node.variable)]
        case MenuNode() | QuestionNode():
            return [("variable", node.variable)] if node.variable else []
        case ListenNode():
            return [("variable", variable) for variable in names_of(node.variable)] if node.variable else []
        case ServiceNode():
            return [(f"save.{name}", variable) for name, variable in node.save.items()]
        case _:
            return []


def kept_before(flow: Flow) -> dict[NodeName, set[VariableName]]:
    """For every node, the variables that at least one path to it keeps; another path may leave them empty."""
    known: dict[NodeName, set[VariableName]] = {name: set(flow.takes | GIVEN_VARIABLES) for name in flow.nodes}
    for node in flow.nodes.values():
        kept = {variable for _, variable in values_kept(node)}
        if not kept:
            continue
        for name in reached(flow, [transition.target for transition in transitions(node)]):
            known[name] |= kept
    return known


def unknown_values(flow: Flow, name: NodeName, known: set[VariableName] | None) -> Iterator[tuple[str, str]]:
    """Keys of a node that read a value which cannot be known there, each with the reason.

    `known` is the node's entry in `kept_before`; None: unknown, and only variables that no node keeps are reported.
    """
    everywhere = {variable for node in flow.nodes.values() for _, variable in values_kept(node)}
    if known is None:
        known = everywhere | flow.takes | GIVEN_VARIABLES
    for key, variable in values_read(flow.nodes[name]):
        if variable.startswith(OF_CUSTOMER):
            if variable.removeprefix(OF_CUSTOMER) not in CUSTOMER_FIELDS:
                fields = ", ".join(sorted(CUSTOMER_FIELDS))
                yield key, f"a customer's card does not say {variable.removeprefix(OF_CUSTOMER)}; it says: {fields}"
        elif variable in everywhere - known:
            yield key, f"{variable} is read before anything keeps it; put the node that keeps it on a path to here"
        elif variable not in known:
            names = ", ".join(sorted(everywhere | flow.takes | GIVEN_VARIABLES))
            yield key, f"nothing is kept as {variable}; there are: {names}; takes names those of earlier flows"


def _reads(parts: Sequence[PromptName | ValueToRead]) -> list[ValueToRead]:
    return [part for part in parts if isinstance(part, ValueToRead)]
