"""The caller and the flow: carries the flow's actions out and brings back what the caller does."""

from acdcore.calls import events
from acdcore.calls.call import Call
from acdcore.calls.hall import Hall
from acdcore.calls.leg import Leg, Played, Pressed
from acdcore.calls.ports import Customer, Directory
from acdcore.ivr.machine import Machine
from acdcore.ivr.model import CalendarState, Context, CustomerCard, Flow, Language, LookupKind, LookupMiss
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

Destination = EnterQueue | Dial | HangUp
"""Where a flow ends."""


async def navigate(call: Call, caller: Leg, hall: Hall, flow: Flow, calendar: CalendarState) -> Destination:
    """Walk `flow` with the caller until it leads out of the menu."""
    view = call.view
    machine = Machine(flow, Context(view.caller, view.dialled, calendar, None, card(call.customer)))
    actions = machine.start(hall.clock.now())
    while True:
        answers: list[Input] = []
        for action in actions:
            match action:
                case EnterQueue() | Dial() | HangUp():
                    return action
                case Lookup():
                    answers.append(look_up(call, hall, action))
                case _:
                    carry_out(call, caller, hall, action)
        if answers:
            actions = [more for answer in answers for more in machine.handle(answer, hall.clock.now())]
        else:
            actions = await next_step(call, hall, machine)


async def next_step(call: Call, hall: Hall, machine: Machine) -> list[Action]:
    """Wait for the caller, the end of a prompt or the flow's next deadline."""
    deadline = machine.next_deadline()
    note = await call.mailbox.next(until=deadline)
    now = hall.clock.now()
    match note:
        case None:
            return machine.handle_deadline(now if deadline is None else max(now, deadline))
        case Pressed(digit=digit):
            return machine.handle(DigitPressed(digit), now)
        case Played(playback=playback):
            return machine.handle(PlaybackFinished(playback), now)
        case _:
            return []


def carry_out(call: Call, caller: Leg, hall: Hall, action: Action) -> None:
    """Do what the flow says and the caller hears."""
    match action:
        case Play(playback, prompts):
            caller.play(hall.voice.clips(prompts), playback)
        case StopPlaying():
            caller.stop_playing()
        case SetLanguage(language):
            call.language = language
            call.log(events.LanguageChosen(hall.clock.now(), language.value))
        case Entered(node):
            call.log(events.FlowEntered(hall.clock.now(), node))
        case _:
            pass


def look_up(call: Call, hall: Hall, wanted: Lookup) -> LookupFinished:
    """Find the customer in memory; a hit is who the caller is from here on."""
    found = find(hall.directory, wanted.kind, wanted.value)
    if found is None:
        return LookupFinished(wanted.lookup, LookupMiss.NOT_FOUND)
    call.recognise(found, wanted.kind.value, hall.clock.now())
    return LookupFinished(wanted.lookup, known_card(found))


def find(directory: Directory, kind: LookupKind, value: str) -> Customer | None:
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
    """What the flow may know of a customer."""
    language = Language(customer.language) if customer.language in set(Language) else None
    return CustomerCard(customer.id, customer.name, customer.tier.value, language)


def card(customer: Customer | None) -> CustomerCard | None:
    """The same for a caller who may be unknown."""
    return None if customer is None else known_card(customer)
