"""A flow with its caller: carries out the flow's actions, and gives it the caller's keys and speech."""

import asyncio
from collections.abc import Sequence
from dataclasses import replace

from acdcore.calls.context import CallContext
from acdcore.calls.core.call import Call, Ending, SentTo, ServiceReplied, SpeechReported
from acdcore.calls.core.leg import Leg, Played, Pressed, StoppedSpeaking
from acdcore.calls.media.listening import ListenedCall, ListenedCaller
from acdcore.calls.model import history
from acdcore.calls.model.directory import Customer
from acdcore.calls.model.ports import Directory
from acdcore.calls.model.rows import EndedBy
from acdcore.calls.scripts.dial_out import callback_choice, number_to_call
from acdcore.calls.scripts.voicemail import Messages
from acdcore.ivr.flow.actions import (
    Action,
    AnswerGiven,
    AskService,
    CallbackRequestFinished,
    CallerHungUp,
    CallerRecorded,
    CallerSilent,
    Dial,
    Entered,
    EnterFlow,
    EnterQueue,
    FileMessage,
    HangUp,
    Input,
    KeyPressed,
    Listen,
    ListeningReady,
    ListeningUnavailable,
    Lookup,
    LookupFinished,
    MessageUnavailable,
    OfferMessage,
    Play,
    PrepareToListen,
    PromptsPlayed,
    Record,
    RequestCallback,
    ServiceAnswered,
    SetLanguage,
    StopListening,
    StopPlaying,
    StopRecording,
    Understand,
)
from acdcore.ivr.flow.machine import PROMPTS_MAX, FlowMachine
from acdcore.ivr.model.flow import (
    CustomerCard,
    FlowContext,
    FlowName,
    Language,
    LookupKind,
    LookupMiss,
    PromptKey,
    RuntimeText,
)
from acdcore.ivr.model.kinds import ServiceMiss
from acdcore.media.model import ClipId
from acdcore.numbering.plan import NumberForm

Destination = EnterQueue | EnterFlow | Dial | HangUp | Ending
"""Where a call goes after a flow."""


async def navigate(call: Call, caller: Leg, context: CallContext, flow: FlowName) -> Destination:
    """Walk `flow` with the caller until it leads out of the menu."""
    walk = FlowRun(call, caller, context, flow)
    call.resources.callback(walk.caller_left)
    try:
        return await walk.run()
    finally:
        walk.close()


class FlowRun:
    """One caller's way through one flow."""

    def __init__(self, call: Call, caller: Leg, context: CallContext, flow: FlowName) -> None:
        self._call = call
        self._caller = caller
        self._context = context
        self._flow = flow
        self._machine = FlowMachine(call.rules.flows[flow], flow_context(call, context))
        self._messages = Messages(call, context)
        self._external_requests: set[asyncio.Task[None]] = set()
        """Requests to HTTP services that run."""
        self._listener: ListenedCaller | None = None
        """The speech recognition that runs; None when none does."""
        self._is_over = False

    async def run(self) -> Destination:
        """Carry out the flow's actions, and give it the results, until it leads out of the menu."""
        machine, clock = self._machine, self._context.clock
        self._caller.set_music(())  # the music of a queue would be heard between the prompts, and over a message
        if self._call.rules.flows[self._flow].reads_values():
            self._context.library.warm()
        actions = machine.start(clock.now())
        while True:
            answers: list[Input] = []
            for action in actions:
                match action:
                    case EnterQueue() | EnterFlow() | Dial() | HangUp():
                        self._is_over = True
                        self._call.learnt(machine.handover())
                        return action
                    case Play(playback, prompts):
                        self._play(await self._clips(prompts), playback)
                    case _:
                        answers += self._carry_out(action)
            if answers:
                actions = [more for answer in answers for more in machine.handle(answer, clock.now())]
            else:
                actions = await self._next_step()

    def _play(self, clips: tuple[ClipId, ...], playback: int) -> None:
        """Play to the caller; an empty playback ends at once."""
        if clips:
            self._caller.play(clips, playback)
        else:
            self._caller.stop_playing()
            self._call.mailbox.post(Played(self._caller, playback))

    def caller_left(self) -> None:
        """The flow ends before its end, with the call or without; a message that was being recorded is kept."""
        if self._is_over:
            return
        self._is_over = True
        for action in self._machine.handle(CallerHungUp(self._messages.stop()), self._context.clock.now()):
            if isinstance(action, FileMessage):
                self._messages.file(action)
        ending = self._call.ending
        if ending is not None and ending.by is EndedBy.CALLER:
            self._call.ending = replace(ending, outcome=self._call.abandoned())

    def close(self) -> None:
        """Cancel the requests and the speech recognition that run."""
        for request in self._external_requests:
            request.cancel()
        self._stop_listening()

    async def _next_step(self) -> list[Action]:
        """Wait for the caller, the end of a prompt, a service, or the flow's next deadline; returns its actions."""
        machine = self._machine
        deadline = machine.next_deadline()
        note = await self._call.mailbox.next(until=deadline)
        now = self._context.clock.now()
        match note:
            case None:
                return machine.handle_deadline(now if deadline is None else max(now, deadline))
            case Pressed(leg=leg, digit=digit) if leg is self._caller:
                return machine.handle(KeyPressed(digit), now)
            case Played(playback=playback):
                return machine.handle(PromptsPlayed(playback), now)
            case StoppedSpeaking() if self._messages.recording:
                return machine.handle(CallerSilent(self._messages.recording), now)
            case ServiceReplied(answered):
                return machine.handle(answered, now)
            case SpeechReported(speech):
                return machine.handle(speech, now)
            case SentTo() as sent_to:
                self.caller_left()
                self._caller.stop_playing()
                return [destination_of(self._call, self._context, sent_to)]
            case _:
                return []

    def _carry_out(self, action: Action) -> list[Input]:
        """Carry out one action; returns the inputs that follow at once."""
        call, now = self._call, self._context.clock.now()
        match action:
            case StopPlaying():
                self._caller.stop_playing()
            case SetLanguage(language):
                call.language = language
                call.log(history.LanguageChosen(now, language.value))
            case Entered(node):
                call.log(history.FlowEntered(now, f"{self._flow}.{node}"))
            case Lookup():
                return [look_up(call, self._context, action)]
            case OfferMessage(playback, queue) if not self._messages.may_be_left(queue):
                return [MessageUnavailable(playback)]
            case Record():
                self._messages.begin(action, self._caller)
            case StopRecording(recording):
                return [CallerRecorded(recording, self._messages.stop())]
            case FileMessage():
                self._messages.file(action)
            case RequestCallback():
                return [self._request_callback(action)]
            case AnswerGiven(question, kind, value):
                call.answers += 1
                answered = history.QuestionAnswered(now, self._flow, question, kind.value, value)
                call.log(answered)
                self._context.event_log.answer(call.view, call.served_by, call.answers, answered)
            case AskService():
                self._send_for(action)
            case PrepareToListen():
                return [self._prepare_to_listen(action)]
            case Listen() if self._listener is not None:
                self._listener.open()
            case Understand() if self._listener is not None:
                self._listener.ask()
            case StopListening():
                self._stop_listening()
            case _:
                pass
        return []

    def _prepare_to_listen(self, wanted: PrepareToListen) -> ListeningReady | ListeningUnavailable:
        """Reserve a speech recognition, if one is free."""
        mailbox = self._call.mailbox
        call = ListenedCall(self._caller.stream, lambda speech: mailbox.post(SpeechReported(speech)), self._call.log)
        self._listener = self._context.listening.prepare(wanted, call)
        number = wanted.listening
        return ListeningUnavailable(number) if self._listener is None else ListeningReady(number)

    def _stop_listening(self) -> None:
        listener, self._listener = self._listener, None
        if listener is not None:
            listener.close()

    def _request_callback(self, wanted: RequestCallback) -> CallbackRequestFinished:
        """Request a callback, with the time waited so far and the caller's priority."""
        call, callback_scheduler = self._call, self._context.callback_scheduler
        if self._context.rules.trunks.outbound_trunk() is None:
            return CallbackRequestFinished(wanted.request, is_accepted=False)  # no callback could be made
        number = number_to_call(call, self._context, wanted.number)
        if not number:
            return CallbackRequestFinished(wanted.request, is_accepted=False)
        around = call.rules.queue(wanted.queue)
        item = callback_scheduler.request_callback(call, wanted.queue, number, around.dial_first)
        return CallbackRequestFinished(wanted.request, item is not None)

    def _send_for(self, wanted: AskService) -> None:
        """Ask a service in the background; its answer comes through the mailbox, in order with the caller's keys."""
        settings = self._call.rules.services.get(wanted.service)
        if settings is None:
            self._call.mailbox.post(ServiceReplied(ServiceAnswered(wanted.ask, ServiceMiss.UNAVAILABLE)))
            return

        async def ask() -> None:
            began_at = self._context.clock.now()
            answered = await self._context.services.ask(settings, wanted)
            now = self._context.clock.now()
            is_answered = not isinstance(answered.result, ServiceMiss)
            self._call.log(history.ServiceAsked(now, wanted.service, is_answered, round(now - began_at, 3)))
            self._call.mailbox.post(ServiceReplied(answered))

        task = asyncio.get_running_loop().create_task(ask())
        self._external_requests.add(task)
        task.add_done_callback(self._external_requests.discard)

    async def _clips(self, prompts: Sequence[PromptKey | RuntimeText]) -> tuple[ClipId, ...]:
        """The clips to play. Values are synthesised now, all at once; word by word where that is not ready in time."""
        prompt_set, library = self._call.prompts, self._context.library
        words = list(dict.fromkeys(part for part in prompts if isinstance(part, RuntimeText)))
        spoken = dict(
            zip(words, await asyncio.gather(*(library.spoken(one, prompt_set) for one in words)), strict=True)
        )
        clips: list[ClipId] = []
        for part in prompts:
            clips += spoken[part] if isinstance(part, RuntimeText) else prompt_set.clips([part])
        return tuple(clips[:PROMPTS_MAX])


def destination_of(call: Call, context: CallContext, sent_to: SentTo) -> EnterQueue | EnterFlow:
    """Log who sent the caller where; returns the destination.

    Staff see the present queues and flows, so the call goes on with the settings of this moment.
    """
    where = sent_to.where
    rules = context.rules
    if where.queue in rules.queues if isinstance(where, EnterQueue) else where.flow in rules.flows:
        renew(call, context)
    target = f"queue:{where.queue}" if isinstance(where, EnterQueue) else f"flow:{where.flow}"
    call.log(history.Sent(context.clock.now(), target, sent_to.by))
    return where


def renew(call: Call, context: CallContext) -> None:
    """Go on with the settings of this moment. A playback that runs goes on to its end."""
    former, call.settings = call.prompts, context.take_settings()
    context.library.give_back(former)


def flow_context(call: Call, context: CallContext) -> FlowContext:
    """The context for a new flow: that of the call's earlier flows, or the facts at the call's arrival."""
    view = call.view
    queue = view.queue
    customer = card(call.customer)
    if call.known is not None:
        return replace(
            call.known,
            queue=queue,
            callback=callback_choice(call, context),
            customer=customer or call.known.customer,
            language=call.language,
            number=call.playbacks,
        )
    return FlowContext(
        caller=call.rules.trunks.plan(view.trunk).written(view.caller, NumberForm.NATIONAL),
        dialled=call.rules.trunks.plan(view.trunk).written(view.dialled, NumberForm.NATIONAL),
        calendar=call.moment.state,
        customer=customer,
        shift=call.moment.shift,
        day=call.moment.day,
        region=call.rules.regions.of(view.caller),
        queue=queue,
        callback=callback_choice(call, context),
        number=call.playbacks,
    )


def look_up(call: Call, context: CallContext, wanted: Lookup) -> LookupFinished:
    """Find the customer in memory; a customer who is found is the caller from here on."""
    found = find_customers(context.directory, wanted.kind, wanted.value)
    if found is None:
        return LookupFinished(wanted.lookup, LookupMiss.NOT_FOUND)
    call.recognise(found, wanted.kind.value, context.clock.now())
    return LookupFinished(wanted.lookup, known_card(found))


def find_customers(directory: Directory, kind: LookupKind, value: str) -> Customer | None:
    """The one customer with that number; none when several plates have the same digits."""
    match kind:
        case LookupKind.MEMBER_NUMBER:
            return directory.customer_by_member_number(value)
        case LookupKind.PHONE:
            return directory.customer_by_phone(value)
        case LookupKind.NUMBER_PLATE:
            matches = directory.customers_by_plate_digits(value)
            return matches[0] if len(matches) == 1 else None


def known_card(customer: Customer) -> CustomerCard:
    """The fields of a customer's card that flows may use."""
    language = Language(customer.language) if customer.language in set(Language) else None
    fields = {
        "member_number": customer.member_number or "",
        "plate": customer.plates[0] if customer.plates else "",
        "phone": customer.numbers[0] if customer.numbers else "",
        "region": customer.region,
        "owner": customer.owner or "",
    }
    return CustomerCard(customer.id, customer.name, customer.tier.value, language, fields)


def card(customer: Customer | None) -> CustomerCard | None:
    """The same for a caller who may be unknown."""
    return None if customer is None else known_card(customer)
