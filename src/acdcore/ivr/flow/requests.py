"""External requests: look-ups, services and callbacks that a flow asks for, and where each answer leads."""

from collections.abc import Mapping
from typing import assert_never

from acdcore.ivr.flow.actions import (
    AskService,
    CallbackRequestFinished,
    Lookup,
    LookupFinished,
    RequestCallback,
    ServiceAnswered,
)
from acdcore.ivr.flow.caller import FlowCaller
from acdcore.ivr.model.flow import (
    CallbackNode,
    CustomerCard,
    ExternalRequest,
    LookupMiss,
    LookupNode,
    NodeName,
    ServiceNode,
)
from acdcore.ivr.model.kinds import ServiceMiss

CALLBACK_MAX_S = 5.0
"""Seconds after which a callback request counts as refused; it is normally answered at once, from memory."""

Answer = LookupFinished | CallbackRequestFinished | ServiceAnswered


def external_request(
    node: ExternalRequest, number: int, caller: FlowCaller
) -> Lookup | AskService | RequestCallback | None:
    """The request of a node, with `number`; None when a value is missing, such as the number of a callback."""
    match node:
        case LookupNode():
            return Lookup(number, node.by, caller.value(node.variable))
        case ServiceNode():
            values = {name: caller.value(variable) for name, variable in node.values.items()}
            return AskService(number, node.service, values, node.timeout_s)
        case CallbackNode():
            wanted = caller.number(node.number)
            return RequestCallback(number, caller.queue or node.queue, wanted) if wanted else None
        case _:
            assert_never(node)


def answer_timeout_s(node: ExternalRequest) -> float:
    """Seconds to wait for the answer."""
    return CALLBACK_MAX_S if isinstance(node, CallbackNode) else node.timeout_s


def after_answer(node: ExternalRequest, answer: Answer, caller: FlowCaller) -> NodeName | None:
    """Store the answer in the caller's card and variables; returns the next node, None when the answer does not fit."""
    match node, answer:
        case LookupNode(), LookupFinished(_, CustomerCard() as card):
            caller.customer = card
            return node.found
        case LookupNode(), LookupFinished(_, miss):
            return node.not_found if miss is LookupMiss.NOT_FOUND else node.unavailable
        case CallbackNode(), CallbackRequestFinished(_, is_placed):
            return node.next if is_placed else node.refused
        case ServiceNode(), ServiceAnswered(_, result):
            return _after_service(node, result, caller)
        case _:
            return None


def without_answer(node: ExternalRequest) -> NodeName:
    """The next node when no answer came in time."""
    match node:
        case LookupNode():
            return node.unavailable
        case ServiceNode():
            return node.on_failure
        case CallbackNode():
            return node.refused
        case _:
            assert_never(node)


def _after_service(node: ServiceNode, result: Mapping[str, str] | ServiceMiss, caller: FlowCaller) -> NodeName:
    match result:
        case ServiceMiss.NOT_FOUND:
            return node.not_found
        case ServiceMiss.UNAVAILABLE:
            return node.on_failure
        case _:
            for name, variable in node.save.items():
                caller.keep(variable, result.get(name, ""))
            return node.next
