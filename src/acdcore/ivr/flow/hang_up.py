"""Where a flow leads a caller who does nothing more, and what becomes of the message of a caller who hung up."""

from acdcore.ivr.flow.actions import FileMessage
from acdcore.ivr.flow.caller import FlowCaller
from acdcore.ivr.flow.questions import target_after_retries
from acdcore.ivr.flow.requests import without_answer
from acdcore.ivr.model.flow import (
    BranchNode,
    ExternalRequest,
    Flow,
    MessageNode,
    Node,
    NodeName,
    PlayNode,
    Question,
)


def target_of_silence(node: Node, caller: FlowCaller) -> NodeName | None:
    """The node after this one when no key comes and no request is answered; None where the flow ends or records."""
    match node:
        case PlayNode() | MessageNode():
            return node.next
        case BranchNode():
            return node.cases.get(caller.branch_value(node), node.otherwise)
        case _ if isinstance(node, Question):
            return target_after_retries(node, is_silence=True)
        case _ if isinstance(node, ExternalRequest):
            return without_answer(node)
        case _:
            return None


def message_left(flow: Flow, start: NodeName | None, caller: FlowCaller, recording: int) -> FileMessage | None:
    """The first message that silence leads to from `start`; so a recording is not lost when its caller hangs up."""
    target = start
    for _ in flow.nodes:  # silence leads into no cycle: `ivr/checks/transitions.py` has checked it
        if target is None:
            return None
        node = flow.nodes[target]
        if isinstance(node, MessageNode):
            return caller.message(node, recording)
        target = target_of_silence(node, caller)
    return None
