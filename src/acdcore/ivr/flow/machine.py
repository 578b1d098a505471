"""The machine that walks one caller through a flow.

    phase       KeyPressed                 PromptsPlayed         an answer   CallerRecorded      deadline
    NEW         -                          -                     -           -                   -
    SPEAKING    question: stop, then key   question: LISTENING   -           -                   stop, as finished
                play: stop and go on       play: go on
                record: -                  record: RECORDING
                last words: -              last words: ENDED
    LISTENING   key                        -                     -           -                   silence
    AWAITING    kept                       -                     go on       -                   go on without it
    RECORDING   one of its keys: stop      -                     -           go on               stop: STOPPING
    STOPPING    kept                       -                     -           go on               go on as empty
    ENDED       -                          -                     -           -                   -

A question that may also be answered by speech is asked only when the caller can be listened to. A key answers it like
any other question, and ends the listening.

    phase          KeyPressed    ListeningReady    CallerSpeaks   CallerSpoke         CallerUnderstood   deadline
    PREPARING      kept          SPEAKING, listen  -              -                   -                  unavailable
    SPEAKING       as above      -                 stop: HEARING  -                   -                  as above
    LISTENING      as above      -                 HEARING        -                   -                  as above
    HEARING        key           -                 -              ask: UNDERSTANDING  -                  unavailable
    UNDERSTANDING  key           -                 -              -                   go on, ask, wrong  unavailable

ListeningUnavailable leads to `unavailable` from all of these. Without `barge_in` the listening begins with LISTENING.

A key that comes before its question is kept (type-ahead). A question that finds kept keys is not spoken, and neither is
an announcement that a key may stop. A wrong key discards the kept keys, because they were meant for another place in
the flow. A recording discards them too, because no key was meant for it. If a service answers while its announcement
still plays, the flow goes on when the announcement has ended (SPEAKING). `questions.py` says what a key means to a
question, `requests.py` what an answer means.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import assert_never

from acdcore.ivr.flow.actions import (
    Action,
    CallbackRequestFinished,
    CallerHungUp,
    CallerRecorded,
    CallerSilent,
    CallerSpeaks,
    CallerSpoke,
    CallerUnderstood,
    Dial,
    Entered,
    EnterFlow,
    FlowEnd,
    HangUp,
    Input,
    KeyPressed,
    Listen,
    ListeningReady,
    ListeningUnavailable,
    LookupFinished,
    MessageUnavailable,
    OfferMessage,
    Play,
    PossibleAnswer,
    PrepareToListen,
    PromptsPlayed,
    Record,
    ServiceAnswered,
    SetLanguage,
    SpeechInput,
    StopListening,
    StopPlaying,
    StopRecording,
    Understand,
)
from acdcore.ivr.flow.caller import FlowCaller
from acdcore.ivr.flow.hang_up import message_left, target_of_silence
from acdcore.ivr.flow.position import MachineState, NodePosition, PendingInput, Phase
from acdcore.ivr.flow.questions import (
    InvalidAnswer,
    PartialAnswer,
    Reply,
    ValidAnswer,
    take_key,
    take_pause,
    target_after_retries,
)
from acdcore.ivr.flow.requests import Answer, after_answer, answer_timeout_s, external_request, without_answer
from acdcore.ivr.flow.spoken_answers import accepted_answer, answer_of, expected_answers, is_doubtful, kept_of
from acdcore.ivr.model.flow import (
    BranchNode,
    CallbackNode,
    CollectNode,
    ConfirmNode,
    CustomerCard,
    Ending,
    EndReason,
    ExternalNumberNode,
    ExternalRequest,
    Flow,
    FlowContext,
    FlowNode,
    HangUpNode,
    Language,
    LanguageNode,
    ListenNode,
    LookupNode,
    MenuNode,
    MessageNode,
    NodeName,
    PlayNode,
    PromptKey,
    Question,
    QuestionNode,
    QueueNode,
    RecordNode,
    ReturnNode,
    RuntimeText,
    ServiceNode,
    VariableName,
)
from acdcore.ivr.model.system_prompts import SystemPrompt, system_key
from acdcore.ivr.model.variables import KEYS, NO, YES
from acdcore.ivr.reading.announcements import speak_limits

VISITS_MAX = 200
"""Nodes that one call may enter, over all its flows: only a machine or a caller who plays with the menu needs more."""
TYPE_AHEAD_MAX = 32
"""Keys that are kept for later questions: more than any menu path and number together; further keys are lost."""
PROMPTS_MAX = 64
"""Prompts of one playback, as many as the media engine takes (half a minute of digits); the rest is not spoken."""
PLAYBACK_MAX_S = 300.0
"""A playback that is not reported as finished by then counts as finished, so that no call waits for ever."""
PREPARING_MAX_S = 5.0
"""Seconds to wait for `ListeningReady`, which normally comes at once; after them the caller cannot be listened to."""
HEARING_ENDS_S = 3.0
"""Seconds after the longest speech in which `CallerSpoke` must come; after them listening counts as unavailable."""
UNDERSTANDING_MAX_S = 35.0
"""Longer than the time limit of any recogniser, so that the recogniser's own limit comes first."""
STOPPING_MAX_S = 5.0
"""A recording whose end is not reported by then counts as lost: closing a file takes milliseconds."""


_Next = NodeName | None
"""The node to go to; None: wait at this node."""
SpokenQuestion = tuple[PromptKey | RuntimeText, ...]
"""A question as it is played."""


class FlowMachine:
    """Walks one caller through one flow. It is pure: the same inputs at the same times give the same actions.

    The flow must have passed `acdcore.ivr.checks.check.validate`.
    """

    def __init__(self, flow: Flow, context: FlowContext) -> None:
        self._flow = flow
        self._context = context
        self._caller = FlowCaller(flow, context)
        self._position = NodePosition(flow.nodes[flow.start])
        self._visits = context.visits
        self._state = MachineState(number=context.number)
        self._number = context.number
        self._pending = PendingInput()

    @property
    def language(self) -> Language:
        """The present language of the call."""
        return self._caller.language

    @property
    def customer(self) -> CustomerCard | None:
        """The caller's card, from the caller's number or the flow's look-up; None when unknown."""
        return self._caller.customer

    @property
    def variables(self) -> Mapping[VariableName, str]:
        """Everything that was typed or found, and the caller's and the dialled number."""
        return self._caller.variables

    def handover(self) -> FlowContext:
        """What the next flow of this call starts with: the old context and what this flow has learnt."""
        return replace(
            self._context,
            language=self._caller.language,
            customer=self._caller.customer,
            variables=dict(self._caller.variables),
            visits=self._visits,
            number=self._number,
        )

    def start(self, now: float) -> list[Action]:
        """Enter the first node. Raises RuntimeError when called again."""
        if self._state.phase is not Phase.NEW:
            raise RuntimeError(f"flow {self._flow.name} was started already")
        actions: list[Action] = []
        self._walk(self._flow.start, now, actions)
        return actions

    def handle(self, event: Input, now: float) -> list[Action]:
        """Handle what the caller, the media engine or acdcore did; a late or unexpected input gives no actions."""
        actions: list[Action] = []
        self._walk(self._handle(event, now, actions), now, actions)
        return actions

    def next_deadline(self) -> float | None:
        """When to call `handle_deadline` (monotonic seconds); None while nothing is awaited."""
        return self._state.until

    def handle_deadline(self, now: float) -> list[Action]:
        """Handle a silence or an overdue answer; before the deadline this does nothing."""
        until = self._state.until
        if until is None or now < until:
            return []
        actions: list[Action] = []
        self._walk(self._expire(now, actions), now, actions)
        return actions

    # --- from node to node: each step says where to go next, or None to wait ---

    def _walk(self, target: _Next, now: float, actions: list[Action]) -> None:
        while target is not None:
            if self._visits >= VISITS_MAX:
                self._end(HangUp(EndReason.LIMIT), actions)
                return
            self._visits += 1
            self._stop_listening(actions)
            self._position = NodePosition(self._flow.nodes[target])
            actions.append(Entered(target))
            target = self._enter(now, actions)

    def _enter(self, now: float, actions: list[Action]) -> _Next:
        node = self._position.node
        match node:
            case PlayNode():
                return self._enter_play(node, now, actions)
            case LanguageNode():
                return self._enter_language(node, now, actions)
            case ConfirmNode() if not self._caller.value(node.value.variable):
                return node.no
            case RecordNode():
                return self._enter_record(node, now, actions)
            case BranchNode():
                return node.cases.get(self._caller.branch_value(node), node.otherwise)
            case MessageNode():
                actions.append(self._caller.message(node, self._pending.recording))
                self._pending.recording = 0
                return node.next
            case MenuNode() | CollectNode() | ConfirmNode() | QuestionNode() | ListenNode():
                return self._ask(self._question(node), now, actions)
            case LookupNode() | ServiceNode() | CallbackNode():
                return self._send(node, now, actions)
            case _:
                return self._enter_end(node, now, actions)

    def _enter_end(self, node: Ending, now: float, actions: list[Action]) -> _Next:
        match node:
            case QueueNode():
                return self._end(self._caller.queue_entry(node), actions)
            case ReturnNode():
                return self._end(self._caller.return_to_queue(node), actions)
            case FlowNode():
                return self._end(EnterFlow(node.flow), actions)
            case ExternalNumberNode():
                return self._end(Dial(node.number, node.trunk), actions)
            case HangUpNode():
                if not node.prompts:
                    return self._end(HangUp(node.reason), actions)
                return self._speak(self._caller.spoken(node.prompts), now, actions)
            case _:
                assert_never(node)

    def _handle(self, event: Input, now: float, actions: list[Action]) -> _Next:
        match event:
            case KeyPressed(digit):
                return self._press(digit, now, actions) if digit in KEYS else None
            case PromptsPlayed(number):
                return self._played(number, now, actions)
            case LookupFinished(number) | CallbackRequestFinished(number) | ServiceAnswered(number):
                return self._answered(event, now) if self._awaits(Phase.AWAITING, number) else None
            case CallerRecorded(number, length_s):
                is_awaited = self._awaits(Phase.RECORDING, number) or self._awaits(Phase.STOPPING, number)
                return self._recorded(length_s) if is_awaited else None
            case CallerSilent(number):
                return self._stop_recording(now, actions) if self._awaits(Phase.RECORDING, number) else None
            case MessageUnavailable(number):
                return self._refuse_message(now, actions) if self._awaits(Phase.SPEAKING, number) else None
            case ListeningReady() | ListeningUnavailable() | CallerSpeaks() | CallerSpoke() | CallerUnderstood():
                is_awaited = 0 < event.listening == self._position.listening
                return self._hear(event, now, actions) if is_awaited else None
            case CallerHungUp(recorded_s):
                self._leave(recorded_s, actions)
                return None
            case _:
                assert_never(event)

    def _awaits(self, phase: Phase, number: int) -> bool:
        return self._state.phase is phase and self._state.number == number

    def _expire(self, now: float, actions: list[Action]) -> _Next:
        match self._state.phase:
            case Phase.SPEAKING:
                actions.append(StopPlaying())
                return self._spoken(now, actions)
            case Phase.LISTENING:
                return self._silence(now, actions)
            case Phase.AWAITING:
                return self._overdue(actions)
            case Phase.RECORDING:
                return self._stop_recording(now, actions)
            case Phase.STOPPING:
                return self._recorded(0.0)
            case Phase.PREPARING | Phase.HEARING | Phase.UNDERSTANDING:
                return self._unheard(actions)
            case Phase.NEW | Phase.ENDED:
                return None

    def _await(self, phase: Phase, number: int, for_s: float, now: float) -> None:
        self._state = MachineState(phase, number, now + for_s)

    def _next_number(self) -> int:
        self._number += 1
        return self._number

    def _end(self, action: FlowEnd, actions: list[Action]) -> _Next:
        self._state.phase = Phase.ENDED
        self._state.until = None
        actions.append(action)
        return None

    # --- speaking ---

    def _speak(self, sounds: Sequence[PromptKey | RuntimeText], now: float, actions: list[Action]) -> _Next:
        number = self._next_number()
        self._await(Phase.SPEAKING, number, PLAYBACK_MAX_S, now)
        actions.append(Play(number, tuple(sounds[:PROMPTS_MAX])))
        return None

    def _enter_play(self, node: PlayNode, now: float, actions: list[Action]) -> _Next:
        if node.on_failure is not None and not self._caller.can_say(node.prompts):
            return node.on_failure
        sounds = self._caller.spoken(node.prompts)
        if not sounds or (node.is_interruptible and self._pending.keys):
            return node.next
        return self._speak(sounds, now, actions)

    def _played(self, number: int, now: float, actions: list[Action]) -> _Next:
        if number == self._position.meanwhile:
            self._position.meanwhile = 0
        return self._spoken(now, actions) if self._awaits(Phase.SPEAKING, number) else None

    def _spoken(self, now: float, actions: list[Action]) -> _Next:
        node = self._position.node
        match node:
            case PlayNode():
                return node.next
            case HangUpNode():
                return self._end(HangUp(node.reason), actions)
            case RecordNode() if self._position.then is None:
                number = self._next_number()
                self._await(Phase.RECORDING, number, node.max_s, now)
                actions.append(Record(number, node.max_s, node.silence_s, node.min_s))
                return None
            case RecordNode():
                return self._position.then
            case ServiceNode():
                return self._position.then
            case _:
                if isinstance(node, ListenNode) and self._position.listening and not node.has_barge_in:
                    actions.append(Listen(self._position.listening))
                if isinstance(node, Question):
                    self._position.is_heard = True
                    self._listen(node.timeout_s, now)
                return None

    # --- questions ---

    def _ask(self, sounds: SpokenQuestion, now: float, actions: list[Action]) -> _Next:
        """Ask the question of this node by playing `sounds`; keys typed ahead answer it before it is played."""
        node = self._position.node
        assert isinstance(node, Question), "only questions are asked"
        self._position.typed = ""
        if self._pending.keys:
            self._listen(node.timeout_s, now)
            return self._use_typed(now, actions)
        if isinstance(node, ListenNode) and self._caller.language not in node.keys_only:
            return self._prepare(node, sounds, now, actions)
        return self._speak(sounds, now, actions)

    def _question(self, node: Question) -> SpokenQuestion:
        """The whole question, as it is asked the first time."""
        match node:
            case MenuNode() | QuestionNode():
                return self._caller.spoken(node.before) + self._keys(node)
            case ConfirmNode():
                return self._caller.spoken([*node.before, node.value]) + self._keys(node)
            case ListenNode() if self._position.doubtful:
                return self._caller.spoken([node.confirm[self._position.doubtful[0].value]])
            case _:
                return self._keys(node)

    def _keys(self, node: Question) -> SpokenQuestion:
        """The part of the question that says which key means what."""
        if isinstance(node, LanguageNode):
            return tuple(PromptKey(name, language) for language in node.keys.values() for name in node.prompts)
        return self._caller.spoken(node.prompts)

    def _repeated(self, node: Question, *, is_silence: bool) -> SpokenQuestion:
        """The repeated question: its keys, and the value of a ConfirmNode if the caller may not have heard it."""
        is_value_read = isinstance(node, ConfirmNode) and (is_silence or not self._position.is_heard)
        return self._question(node) if is_value_read else self._keys(node)

    def _listen(self, for_s: float, now: float) -> None:
        self._state.phase = Phase.LISTENING
        self._state.until = now + for_s

    def _press(self, digit: str, now: float, actions: list[Action]) -> _Next:
        node = self._position.node
        phase = self._state.phase
        if phase in (Phase.NEW, Phase.ENDED) or isinstance(node, HangUpNode):
            return None
        if isinstance(node, RecordNode) and phase is not Phase.STOPPING:
            is_end = phase is Phase.RECORDING and digit in node.keys
            return self._stop_recording(now, actions) if is_end else None
        if len(self._pending.keys) < TYPE_AHEAD_MAX:
            self._pending.keys.append(digit)
        if phase in (Phase.LISTENING, Phase.HEARING, Phase.UNDERSTANDING):
            self._state.phase = Phase.LISTENING
            return self._use_typed(now, actions)
        if phase is not Phase.SPEAKING or isinstance(node, ServiceNode):
            return None
        if isinstance(node, PlayNode) and not node.is_interruptible:
            return None
        actions.append(StopPlaying())
        if isinstance(node, PlayNode):
            return node.next
        self._state.phase = Phase.LISTENING
        return self._use_typed(now, actions)

    def _use_typed(self, now: float, actions: list[Action]) -> _Next:
        node = self._position.node
        assert isinstance(node, Question), "only questions listen"
        self._stop_listening(actions)
        if (
            isinstance(node, ListenNode)
            and self._position.doubtful
            and self._pending.keys[0] in (node.yes_key, node.no_key)
        ):
            is_meant = self._pending.keys.pop(0) == node.yes_key
            return self._answer(node, (PossibleAnswer(YES if is_meant else NO, 1.0, ""),), now, actions)
        target: _Next = None
        while target is None and self._pending.keys and self._state.phase is Phase.LISTENING:
            reply = take_key(node, self._position.typed, self._pending.keys.pop(0))
            target = self._apply(node, reply, now, actions)
        return target

    def _apply(self, node: Question, reply: Reply, now: float, actions: list[Action]) -> _Next:
        match reply:
            case PartialAnswer(typed, wait_s):
                self._position.typed = typed
                self._listen(wait_s, now)
                return None
            case InvalidAnswer():
                return self._wrong(node, now, actions)
            case ValidAnswer():
                if reply.variable is not None:
                    self._caller.keep(reply.variable, reply.value)
                self._keep_all(reply.beside)
                if reply.language is not None:
                    self._set_language(reply.language, actions)
                if reply.answered is not None:
                    actions.append(reply.answered)
                return reply.next
            case _:
                assert_never(reply)

    def _wrong(self, node: Question, now: float, actions: list[Action]) -> _Next:
        self._pending.keys.clear()
        self._position.doubtful = ()
        self._position.failures += 1
        if self._position.failures <= node.retries:
            told = () if isinstance(node, LanguageNode) else self._caller.spoken(node.invalid_prompts)
            return self._ask(told + self._repeated(node, is_silence=False), now, actions)
        return target_after_retries(node, is_silence=False)

    def _silence(self, now: float, actions: list[Action]) -> _Next:
        node = self._position.node
        assert isinstance(node, Question), "only questions listen"
        reply = take_pause(node, self._position.typed)
        if not isinstance(reply, InvalidAnswer) or self._position.typed:
            return self._apply(node, reply, now, actions)
        self._position.doubtful = ()
        self._position.failures += 1
        if self._position.failures <= node.retries:
            return self._ask(self._repeated(node, is_silence=True), now, actions)
        return target_after_retries(node, is_silence=True)

    # --- speech ---

    def _prepare(self, node: ListenNode, sounds: SpokenQuestion, now: float, actions: list[Action]) -> _Next:
        """Prepare to listen; the question is asked as soon as that is ready."""
        self._stop_listening(actions)
        if not self._position.failures and not self._position.doubtful:
            self._keep_all(kept_of(node, ()))  # an earlier answer to the same question does not count now
        language = self._caller.language
        self._position.listening, self._position.question = self._next_number(), sounds
        self._await(Phase.PREPARING, self._position.listening, PREPARING_MAX_S, now)
        may_be_said = expected_answers(node, language, is_doubtful=bool(self._position.doubtful))
        actions.append(PrepareToListen(self._position.listening, may_be_said, language, node.longest_s))
        return None

    def _hear(self, event: SpeechInput, now: float, actions: list[Action]) -> _Next:
        node, phase = self._position.node, self._state.phase
        assert isinstance(node, ListenNode), "only a ListenNode has somebody listen"
        match event:
            case ListeningUnavailable():
                return self._unheard(actions)
            case ListeningReady() if phase is Phase.PREPARING:
                return self._put(node, now, actions)
            case CallerSpeaks() if phase in (Phase.SPEAKING, Phase.LISTENING):
                if phase is Phase.SPEAKING:
                    actions.append(StopPlaying())
                self._await(Phase.HEARING, event.listening, node.longest_s + HEARING_ENDS_S, now)
            case CallerSpoke() if phase is Phase.HEARING:
                self._await(Phase.UNDERSTANDING, event.listening, UNDERSTANDING_MAX_S, now)
                actions.append(Understand(event.listening))
            case CallerUnderstood(_, likely) if phase is Phase.UNDERSTANDING:
                self._stop_listening(actions)
                return self._answer(node, likely, now, actions)
            case _:
                pass
        return None

    def _put(self, node: ListenNode, now: float, actions: list[Action]) -> _Next:
        """Ask the question now that the caller can be listened to, unless a key came first."""
        if self._pending.keys:
            self._listen(node.timeout_s, now)
            return self._use_typed(now, actions)
        if node.has_barge_in:
            actions.append(Listen(self._position.listening))
        return self._speak(self._position.question, now, actions)

    def _answer(self, node: ListenNode, likely: tuple[PossibleAnswer, ...], now: float, actions: list[Action]) -> _Next:
        """Go where the answer leads, ask whether it was meant, or count it as wrong."""
        taken = accepted_answer(node, likely, self._position.doubtful)
        if taken:
            value = taken[0].value
            self._keep_all(kept_of(node, taken))
            answered = answer_of(node, value)
            if answered is not None:
                actions.append(answered)
            return node.cases.get(value, node.otherwise)
        if not self._position.doubtful and is_doubtful(node, likely):
            self._position.doubtful = likely
            return self._ask(self._question(node), now, actions)
        return self._wrong(node, now, actions)

    def _unheard(self, actions: list[Action]) -> NodeName:
        """Listening is not possible: go to `unavailable`."""
        node = self._position.node
        assert isinstance(node, ListenNode), "only a ListenNode has somebody listen"
        if self._state.phase is Phase.SPEAKING:
            actions.append(StopPlaying())
        return node.unavailable

    def _stop_listening(self, actions: list[Action]) -> None:
        if self._position.listening:
            actions.append(StopListening(self._position.listening))
            self._position.listening = 0

    def _keep_all(self, values: Mapping[VariableName, str]) -> None:
        for variable, value in values.items():
            self._caller.keep(variable, value)

    # --- language ---

    def _enter_language(self, node: LanguageNode, now: float, actions: list[Action]) -> _Next:
        customer = self._caller.customer
        if node.is_by_customer and customer is not None and customer.language in self._flow.languages:
            self._set_language(customer.language, actions)
            return node.next
        return self._ask(self._question(node), now, actions)

    def _set_language(self, language: Language, actions: list[Action]) -> None:
        if language is self._caller.language:
            return
        self._caller.language = language
        actions.append(SetLanguage(language))

    # --- external requests ---

    def _send(self, node: ExternalRequest, now: float, actions: list[Action]) -> _Next:
        number = self._next_number()
        action = external_request(node, number, self._caller)
        if action is None:
            return without_answer(node)
        self._await(Phase.AWAITING, number, answer_timeout_s(node), now)
        actions.append(action)
        if isinstance(node, ServiceNode) and node.while_waiting:
            self._position.meanwhile = self._next_number()
            actions.append(Play(self._position.meanwhile, self._caller.spoken(node.while_waiting)[:PROMPTS_MAX]))
        return None

    def _answered(self, answer: Answer, now: float) -> _Next:
        node = self._position.node
        assert isinstance(node, ExternalRequest), "only external requests are answered"
        target = after_answer(node, answer, self._caller)
        if target is None or not self._position.meanwhile:
            return target
        self._position.then = target
        self._await(Phase.SPEAKING, self._position.meanwhile, PLAYBACK_MAX_S, now)
        return None

    def _overdue(self, actions: list[Action]) -> _Next:
        node = self._position.node
        assert isinstance(node, ExternalRequest), "only external requests are awaited"
        if self._position.meanwhile:
            actions.append(StopPlaying())
        return without_answer(node)

    # --- recording ---

    def _enter_record(self, node: RecordNode, now: float, actions: list[Action]) -> _Next:
        self._pending = PendingInput()
        language = self._caller.language
        limits = speak_limits(node, language) if node.has_limits else ()
        message = message_left(self._flow, node.next, self._caller, 0)
        actions.append(OfferMessage(self._number + 1, message.queue if message is not None else None))
        beep = system_key(SystemPrompt.BEEP, language)
        return self._speak((*self._caller.spoken(node.prompts), *limits, beep), now, actions)

    def _refuse_message(self, now: float, actions: list[Action]) -> _Next:
        node = self._position.node
        assert isinstance(node, RecordNode), "only a RecordNode offers a message"
        self._position.then = node.on_full or node.on_empty
        return self._speak((system_key(SystemPrompt.MESSAGE_FULL, self._caller.language),), now, actions)

    def _stop_recording(self, now: float, actions: list[Action]) -> _Next:
        number = self._state.number
        actions.append(StopRecording(number))
        self._await(Phase.STOPPING, number, STOPPING_MAX_S, now)
        return None

    def _recorded(self, length_s: float) -> _Next:
        node = self._position.node
        assert isinstance(node, RecordNode), "only a RecordNode records"
        if length_s < node.min_s:
            return node.on_empty
        self._pending.recording = self._state.number
        return node.next

    def _leave(self, recorded_s: float, actions: list[Action]) -> None:
        """The caller hung up: the recording becomes the message that silence would have led to."""
        phase = self._state.phase
        if phase in (Phase.NEW, Phase.ENDED):
            return
        is_recording = phase in (Phase.RECORDING, Phase.STOPPING)
        target = self._recorded(recorded_s) if is_recording else target_of_silence(self._position.node, self._caller)
        self._state = MachineState(Phase.ENDED, self._number)
        if not self._pending.recording:
            return
        message = message_left(self._flow, target, self._caller, self._pending.recording)
        if message is not None:
            actions.append(message)
