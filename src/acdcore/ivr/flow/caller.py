"""The caller of a flow: known values, and what follows from them for branches, queue entries and sentences."""

from collections.abc import Sequence
from typing import assert_never

from acdcore.ivr.flow.actions import EnterQueue, FileMessage
from acdcore.ivr.model.flow import (
    BranchNode,
    CustomerCard,
    Flow,
    FlowContext,
    Language,
    MessageNode,
    PromptKey,
    PromptName,
    QueueNode,
    ReturnNode,
    RuntimeText,
    ValueToRead,
    VariableName,
)
from acdcore.ivr.model.kinds import BranchOn
from acdcore.ivr.model.variables import CALLER, DIALLED, NO, OF_CUSTOMER, UNKNOWN_TIER
from acdcore.ivr.reading.values import read, spoken_value
from acdcore.kernel.ids import AgentId, QueueName

VALUE_MAX = 200
"""Characters of a value that are kept and spoken: about forty seconds of speech."""


class FlowCaller:
    """A caller: language, card, and the values that were typed or found."""

    def __init__(self, flow: Flow, context: FlowContext) -> None:
        self.language = context.language if context.language in flow.languages else flow.language
        self.customer = context.customer
        self.variables = {**context.variables, CALLER: context.caller, DIALLED: context.dialled}
        self._context = context

    @property
    def queue(self) -> QueueName | None:
        """The queue that the caller waits in, or was sent here from."""
        return self._context.queue

    def keep(self, variable: VariableName, value: str) -> None:
        """Keep a value, cut at `VALUE_MAX` characters."""
        self.variables[variable] = value[:VALUE_MAX]

    def value(self, variable: VariableName) -> str:
        """The value of a variable or of a field of the customer's card; "" when there is none."""
        if not variable.startswith(OF_CUSTOMER):
            return self.variables.get(variable, "")
        return "" if self.customer is None else _on_card(self.customer, variable.removeprefix(OF_CUSTOMER))

    def number(self, variable: VariableName) -> str:
        """The number to call back: the one that was typed, or else the caller's own; "" when it is withheld."""
        return self.value(variable) or self.value(CALLER)

    def branch_value(self, node: BranchNode) -> str:
        """The value that decides the branch."""
        match node.on:
            case BranchOn.VARIABLE:
                return self.value(node.variable) if node.variable else ""
            case BranchOn.TIER:
                return self._tier
            case BranchOn.LANGUAGE:
                return self.language.value
            case BranchOn.CALENDAR:
                return self._context.calendar.value
            case BranchOn.SHIFT:
                return self._context.shift
            case BranchOn.DAY:
                return self._context.day
            case BranchOn.REGION:
                return self.value(VariableName(f"{OF_CUSTOMER}region")) or self._context.region
            case BranchOn.QUEUE:
                return self.queue or ""
            case BranchOn.CALLBACK:
                return self._context.callback.value
            case _:
                assert_never(node.on)

    def queue_entry(self, node: QueueNode) -> EnterQueue:
        """The queue entry of this caller at that node."""
        priority_s = node.priority_s + node.tier_priority_s.get(self._tier, 0.0)
        preferred = self.value(node.preferred) if node.preferred else ""
        return EnterQueue(node.queue, priority_s, node.skills, AgentId(preferred) if preferred else None)

    def return_to_queue(self, node: ReturnNode) -> EnterQueue:
        """The entry into the caller's own queue, or into the node's queue for a caller who comes from none."""
        return EnterQueue(self.queue or node.queue, 0.0, is_back=self.queue is not None)

    def message(self, node: MessageNode, recording: int) -> FileMessage:
        """The message of this caller at that node."""
        queue = (node.is_own_queue and self.queue) or node.queue
        subject = self.value(node.subject_variable) if node.subject_variable else node.subject
        is_wanted = self.value(node.reply_variable) != NO if node.reply_variable else node.is_reply_wanted
        return FileMessage(queue, self.number(node.number), subject, is_wanted, recording)

    def spoken(self, parts: Sequence[PromptName | ValueToRead]) -> tuple[PromptKey | RuntimeText, ...]:
        """The parts of a sentence in the caller's language; a value that does not fit its `kind` is spoken as text."""
        sounds: list[PromptKey | RuntimeText] = []
        for part in parts:
            if isinstance(part, ValueToRead):
                value = self.value(part.variable)
                sounds += read_aloud(value, part, self.language) or (
                    (RuntimeText(value, self.language),) if value else ()
                )
            else:
                sounds.append(PromptKey(part, self.language))
        return tuple(sounds)

    def can_say(self, parts: Sequence[PromptName | ValueToRead]) -> bool:
        """Whether every value among the parts is known and fits its `kind`."""
        return all(
            read_aloud(self.value(part.variable), part, self.language)
            for part in parts
            if isinstance(part, ValueToRead)
        )

    @property
    def _tier(self) -> str:
        return self.customer.tier if self.customer else UNKNOWN_TIER


def read_aloud(value: str, part: ValueToRead, language: Language) -> tuple[RuntimeText, ...]:
    """A value as words, and the clips for the same words; empty when the value is empty or does not fit."""
    if not value:
        return ()
    if part.kind is None:
        return (RuntimeText(value, language),)
    try:
        return (RuntimeText(spoken_value(value, part.kind, language), language, read(value, part.kind, language)),)
    except ValueError:
        return ()


def _on_card(customer: CustomerCard, field: str) -> str:
    match field:
        case "name":
            return customer.name
        case "tier":
            return customer.tier
        case "language":
            return customer.language.value if customer.language else ""
        case _:
            return customer.fields.get(field, "")
