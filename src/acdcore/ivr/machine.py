"""The machine that walks a flow with one caller.

    phase        DigitPressed               PlaybackFinished    LookupFinished    deadline
    NEW          -                          -                   -                 -
    SPEAKING     question: stop, then key   question: LISTENING -                 stop, then as finished
                 play: stop and go on       play: go on
                 last words: -              last words: ENDED
    LISTENING    key                        -                   -                 silence
    LOOKING_UP   kept                       -                   go on             go on as unavailable
    ENDED        -                          -                   -                 -

A key that nobody has asked for yet is kept (type-ahead). A question that finds kept keys is not spoken, and neither is
an announcement that a key may stop. A wrong key throws the kept ones away, because the caller has lost his place.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from enum import Enum, auto
from typing import assert_never

from acdcore.ivr.kinds import BranchOn
from acdcore.ivr.model import (
    BranchNode,
    CollectNode,
    Context,
    CustomerCard,
    EndReason,
    Flow,
    HangUpNode,
    Language,
    LanguageNode,
    LookupMiss,
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
from acdcore.ivr.steps import (
    Action,
    Dial,
    DigitPressed,
    Entered,
    EnterQueue,
    HangUp,
    Input,
    Lookup,
    LookupFinished,
    Play,
    PlaybackFinished,
    SetLanguage,
    StopPlaying,
)
from acdcore.ivr.variables import CALLER, DIALLED, KEYS, UNKNOWN_TIER

VISITS_MAX = 200
"""Nodes that one call may enter: a caller who has seen that many is a machine, or plays with the menu."""
TYPE_AHEAD_MAX = 32
"""Keys that are kept for questions to come: more than any menu path and number together; further ones are lost."""
PLAYBACK_MAX_S = 300.0
"""A playback that was not reported finished by then is taken for finished, so that no call hangs on it."""


class Phase(Enum):
    """What the machine waits for."""

    NEW = auto()
    SPEAKING = auto()
    LISTENING = auto()
    LOOKING_UP = auto()
    ENDED = auto()


@dataclass(slots=True)
class _Visit:
    """The node that the call is at."""

    node: Node
    """Which one."""
    failures: int = 0
    """Questions that were answered wrongly or not at all."""
    digits: str = ""
    """What was typed in answer to a CollectNode so far."""


@dataclass(slots=True)
class _Waiting:
    """What the machine waits for."""

    phase: Phase = Phase.NEW
    """The row of the table."""
    number: int = 0
    """Of the playback or look-up that is awaited, or was last."""
    until: float | None = None
    """When waiting ends by itself."""


@dataclass(slots=True)
class _Caller:
    """What is known of the caller."""

    language: Language
    """Spoken now."""
    customer: CustomerCard | None
    """Who it is."""
    variables: dict[VariableName, str]
    """What was typed, and the call's numbers."""
    typed: list[str] = field(default_factory=list)
    """Keys that nobody has asked for yet."""


_Next = NodeName | None
"""Where to go; None: stay and wait."""
_Question = MenuNode | CollectNode | LanguageNode


class Machine:
    """One caller's way through one flow; pure, so that the same inputs at the same times give the same actions.

    The flow must have passed `acdcore.ivr.check.validate`.
    """

    def __init__(self, flow: Flow, context: Context) -> None:
        self._flow = flow
        self._context = context
        self._calendar = context.calendar
        self._caller = _Caller(
            language=context.language if context.language in flow.languages else flow.language,
            customer=context.customer,
            variables={CALLER: context.caller, DIALLED: context.dialled},
        )
        self._visit = _Visit(flow.nodes[flow.start])
        self._visits = 0
        self._waiting = _Waiting()

    @property
    def language(self) -> Language:
        """The language of the call now."""
        return self._caller.language

    @property
    def customer(self) -> CustomerCard | None:
        """Who the caller is, as far as the call's number or the flow's look-up told."""
        return self._caller.customer

    @property
    def variables(self) -> Mapping[VariableName, str]:
        """Everything that was typed, with the caller's and the dialled number."""
        return self._caller.variables

    def handover(self) -> Context:
        """What the next flow of this call starts with: everything known before, and what this one learnt."""
        return replace(
            self._context,
            language=self._caller.language,
            customer=self._caller.customer,
            variables=dict(self._caller.variables),
            visits=self._visits,
        )

    @property
    def is_ended(self) -> bool:
        """Whether the flow has given its last action."""
        return self._waiting.phase is Phase.ENDED

    def start(self, now: float) -> list[Action]:
        """Enter the first node. Raises RuntimeError when called again."""
        if self._waiting.phase is not Phase.NEW:
            raise RuntimeError(f"flow {self._flow.name} was started already")
        actions: list[Action] = []
        self._walk(self._flow.start, now, actions)
        return actions

    def handle(self, event: Input, now: float) -> list[Action]:
        """What the caller, the engine or the directory did; late and unfitting inputs give an empty list."""
        actions: list[Action] = []
        self._walk(self._take(event, now, actions), now, actions)
        return actions

    def next_deadline(self) -> float | None:
        """When `handle_deadline` wants to be called (monotonic seconds); None while nothing is awaited."""
        return self._waiting.until

    def handle_deadline(self, now: float) -> list[Action]:
        """Silence has lasted, or an answer is overdue; before the deadline this does nothing."""
        until = self._waiting.until
        if until is None or now < until:
            return []
        actions: list[Action] = []
        self._walk(self._expire(now, actions), now, actions)
        return actions

    # --- from node to node: each step says where to go next, or None to wait ---

    def _walk(self, target: _Next, now: float, actions: list[Action]) -> None:
        while target is not None:
            if self._visits == VISITS_MAX:
                self._end(HangUp(EndReason.LIMIT), actions)
                return
            self._visits += 1
            self._visit = _Visit(self._flow.nodes[target])
            actions.append(Entered(target))
            target = self._enter(now, actions)

    def _enter(self, now: float, actions: list[Action]) -> _Next:
        node = self._visit.node
        match node:
            case PlayNode():
                if node.is_interruptible and self._caller.typed:
                    return node.next
                return self._speak(self._spoken(node.prompts), now, actions)
            case MenuNode() | CollectNode():
                return self._ask((), now, actions)
            case LanguageNode():
                return self._enter_language(node, now, actions)
            case LookupNode():
                return self._look_up(node, now, actions)
            case BranchNode():
                return node.cases.get(self._decider(node), node.otherwise)
            case QueueNode():
                return self._end(EnterQueue(node.queue, self._advance_s(node)), actions)
            case OutsideNode():
                return self._end(Dial(node.number), actions)
            case HangUpNode():
                if not node.prompts:
                    return self._end(HangUp(node.reason), actions)
                return self._speak(self._spoken(node.prompts), now, actions)
            case _:
                assert_never(node)

    def _take(self, event: Input, now: float, actions: list[Action]) -> _Next:
        match event:
            case DigitPressed(digit):
                return self._press(digit, now, actions) if digit in KEYS else None
            case PlaybackFinished(number):
                return self._heard(now, actions) if self._awaits(Phase.SPEAKING, number) else None
            case LookupFinished(number, result):
                return self._answer(result) if self._awaits(Phase.LOOKING_UP, number) else None
            case _:
                assert_never(event)

    def _awaits(self, phase: Phase, number: int) -> bool:
        return self._waiting.phase is phase and self._waiting.number == number

    def _expire(self, now: float, actions: list[Action]) -> _Next:
        match self._waiting.phase:
            case Phase.SPEAKING:
                actions.append(StopPlaying())
                return self._heard(now, actions)
            case Phase.LISTENING:
                return self._silence(now, actions)
            case Phase.LOOKING_UP:
                return self._answer(LookupMiss.UNAVAILABLE)
            case Phase.NEW | Phase.ENDED:
                return None

    def _end(self, action: EnterQueue | Dial | HangUp, actions: list[Action]) -> _Next:
        self._waiting.phase = Phase.ENDED
        self._waiting.until = None
        actions.append(action)
        return None

    # --- speaking ---

    def _speak(self, prompts: tuple[PromptKey, ...], now: float, actions: list[Action]) -> _Next:
        number = self._waiting.number + 1
        self._waiting = _Waiting(Phase.SPEAKING, number, now + PLAYBACK_MAX_S)
        actions.append(Play(number, prompts))
        return None

    def _spoken(self, prompts: tuple[PromptName, ...]) -> tuple[PromptKey, ...]:
        return tuple(PromptKey(name, self._caller.language) for name in prompts)

    def _heard(self, now: float, actions: list[Action]) -> _Next:
        node = self._visit.node
        if isinstance(node, PlayNode):
            return node.next
        if isinstance(node, HangUpNode):
            return self._end(HangUp(node.reason), actions)
        if isinstance(node, _Question):
            self._listen(node.timeout_s, now)
        return None

    # --- questions ---

    def _ask(self, before: tuple[PromptName, ...], now: float, actions: list[Action]) -> _Next:
        """Put the question of this node, with something said before it; keys typed ahead answer it unspoken."""
        node = self._visit.node
        assert isinstance(node, _Question), "only questions are asked"
        self._visit.digits = ""
        if self._caller.typed:
            self._listen(node.timeout_s, now)
            return self._use_typed(now, actions)
        if isinstance(node, LanguageNode):
            question = tuple(PromptKey(name, language) for language in node.keys.values() for name in node.prompts)
        else:
            question = self._spoken(node.prompts)
        return self._speak(self._spoken(before) + question, now, actions)

    def _listen(self, for_s: float, now: float) -> None:
        self._waiting.phase = Phase.LISTENING
        self._waiting.until = now + for_s

    def _press(self, digit: str, now: float, actions: list[Action]) -> _Next:
        node = self._visit.node
        phase = self._waiting.phase
        if phase in (Phase.NEW, Phase.ENDED) or isinstance(node, HangUpNode):
            return None
        if len(self._caller.typed) < TYPE_AHEAD_MAX:
            self._caller.typed.append(digit)
        if phase is Phase.LISTENING:
            return self._use_typed(now, actions)
        if phase is Phase.LOOKING_UP or (isinstance(node, PlayNode) and not node.is_interruptible):
            return None
        actions.append(StopPlaying())
        if isinstance(node, PlayNode):
            return node.next
        self._waiting.phase = Phase.LISTENING
        return self._use_typed(now, actions)

    def _use_typed(self, now: float, actions: list[Action]) -> _Next:
        target: _Next = None
        while target is None and self._caller.typed and self._waiting.phase is Phase.LISTENING:
            target = self._key(self._caller.typed.pop(0), now, actions)
        return target

    def _key(self, digit: str, now: float, actions: list[Action]) -> _Next:
        node = self._visit.node
        if isinstance(node, MenuNode):
            target = node.keys.get(digit)
            return target if target is not None else self._wrong(node, now, actions)
        if isinstance(node, CollectNode):
            return self._collect(node, digit, now, actions)
        if isinstance(node, LanguageNode):
            language = node.keys.get(digit)
            if language is None:
                return self._wrong(node, now, actions)
            self._set_language(language, actions)
            return node.next
        return None

    def _collect(self, node: CollectNode, digit: str, now: float, actions: list[Action]) -> _Next:
        if digit == node.terminator:
            return self._typed_number(node, now, actions)
        if digit in "*#":
            return self._wrong(node, now, actions)
        self._visit.digits += digit
        if len(self._visit.digits) == node.max_digits:
            return self._typed_number(node, now, actions)
        self._listen(node.inter_digit_s, now)
        return None

    def _typed_number(self, node: CollectNode, now: float, actions: list[Action]) -> _Next:
        if len(self._visit.digits) < node.min_digits:
            return self._wrong(node, now, actions)
        self._caller.variables[node.variable] = self._visit.digits
        return node.next

    def _wrong(self, node: _Question, now: float, actions: list[Action]) -> _Next:
        self._caller.typed.clear()
        self._visit.failures += 1
        if self._visit.failures <= node.retries:
            return self._ask(() if isinstance(node, LanguageNode) else node.invalid_prompts, now, actions)
        match node:
            case MenuNode():
                return node.on_invalid
            case CollectNode():
                return node.on_failure
            case LanguageNode():
                return node.next

    def _silence(self, now: float, actions: list[Action]) -> _Next:
        node = self._visit.node
        if isinstance(node, CollectNode) and self._visit.digits:
            return self._typed_number(node, now, actions)
        if not isinstance(node, _Question):
            return None
        self._visit.failures += 1
        if self._visit.failures <= node.retries:
            return self._ask((), now, actions)
        match node:
            case MenuNode():
                return node.on_timeout
            case CollectNode():
                return node.on_failure
            case LanguageNode():
                return node.next

    # --- language, look-ups, branches ---

    def _enter_language(self, node: LanguageNode, now: float, actions: list[Action]) -> _Next:
        customer = self._caller.customer
        if node.is_by_customer and customer is not None and customer.language in self._flow.languages:
            self._set_language(customer.language, actions)
            return node.next
        return self._ask((), now, actions)

    def _set_language(self, language: Language, actions: list[Action]) -> None:
        if language is self._caller.language:
            return
        self._caller.language = language
        actions.append(SetLanguage(language))

    def _look_up(self, node: LookupNode, now: float, actions: list[Action]) -> _Next:
        number = self._waiting.number + 1
        self._waiting = _Waiting(Phase.LOOKING_UP, number, now + node.timeout_s)
        actions.append(Lookup(number, node.by, self._caller.variables.get(node.variable, "")))
        return None

    def _answer(self, result: CustomerCard | LookupMiss) -> _Next:
        node = self._visit.node
        if not isinstance(node, LookupNode):
            return None
        match result:
            case CustomerCard():
                self._caller.customer = result
                return node.found
            case LookupMiss.NOT_FOUND:
                return node.not_found
            case LookupMiss.UNAVAILABLE:
                return node.unavailable

    def _decider(self, node: BranchNode) -> str:
        match node.on:
            case BranchOn.LANGUAGE:
                return self._caller.language.value
            case BranchOn.CALENDAR:
                return self._calendar.value
            case BranchOn.TIER:
                return self._caller.customer.tier if self._caller.customer else UNKNOWN_TIER
            case BranchOn.VARIABLE:
                return self._caller.variables.get(node.variable, "") if node.variable else ""

    def _advance_s(self, node: QueueNode) -> float:
        tier = self._caller.customer.tier if self._caller.customer else UNKNOWN_TIER
        return node.advance_s + node.tier_advance_s.get(tier, 0.0)
