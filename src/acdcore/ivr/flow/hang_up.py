"""Where a flow leads a caller who does nothing more, and what becomes of his message when he has hung up."""

from acdcore.ivr.flow.actions import FileMessage
from acdcore.ivr.flow.caller import Caller
from acdcore.ivr.flow.questions import given_up
from acdcore.ivr.flow.requests import without_answer
from acdcore.ivr.model.flow import (
    BranchNode,
    Errand,
    Flow,
    MessageNode,
    Node,
    NodeName,
    PlayNode,
    Question,
)


def silent_way(node: Node, caller: Caller) -> NodeName | None:
    """The node after this one when no key comes and no errand is answered; None where the flow ends or records."""
    match node:
        case PlayNode() | MessageNode():
            return node.next
        case BranchNode():
            return node.cases.get(caller.decider(node), node.otherwise)
        case _ if isinstance(node, Question):
            return given_up(node, is_silence=True)
        case _ if isinstance(node, Errand):
            return without_answer(node)
        case _:
            return None


def message_left(flow: Flow, start: NodeName | None, caller: Caller, recording: int) -> FileMessage | None:
    """The first message that silence leads to from `start`: what a caller recorded is not lost because he hung up."""
    target = start
    for _ in flow.nodes:  # silence goes in no circle: `ivr/checks/transitions.py` sees to it
        if target is None:
            return None
        node = flow.nodes[target]
        if isinstance(node, MessageNode):
            return caller.message(node, recording)
        target = silent_way(node, caller)
    return None
