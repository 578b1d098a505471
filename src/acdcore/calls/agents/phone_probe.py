"""Which registered phones still answer: a registration only shows that a phone did when it registered (pure).

Each phone is asked by OPTIONS from time to time. One that does not answer counts as unreachable until it answers or
registers again; its agent is shown as unreachable, and is offered no callers.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from zlib import crc32

from acdcore.kernel.deadlines import Deadlines
from acdcore.sip.events import SipFlow
from acdcore.sip.registrar import Binding, BindingChange, Expired, Refreshed, Registered, Unregistered

ASK_EVERY_S = 30.0
"""Seconds from an answer to the next OPTIONS. An answer may take 32 s, so a dead phone is noticed in about a minute.
1,300 phones make 43 requests a second. It also keeps NATs from forgetting a phone (some do in 60 s)."""


@dataclass(frozen=True, slots=True)
class PhoneKey:
    """One phone of a user."""

    user: str
    contact: str
    """The URI that it registered."""
    instance: str = ""
    """Its `+sip.instance`: behind NATs two machines may have the same URI."""


@dataclass(slots=True)
class _Phone:
    binding: Binding[SipFlow]
    is_silent: bool = False


def phone_key(user: str, binding: Binding[SipFlow]) -> PhoneKey:
    """The key of a registered phone."""
    return PhoneKey(user, str(binding.contact.uri), binding.instance)


def first_question_s(user: str) -> float:
    """Seconds from the registration to the first OPTIONS: phones that register together are not asked together."""
    return ASK_EVERY_S * (0.5 + 0.5 * crc32(user.encode()) / 2**32)


class Reachability:
    """All registered phones, and whether they answer."""

    def __init__(self) -> None:
        self._phones: dict[PhoneKey, _Phone] = {}
        self._deadlines: Deadlines[PhoneKey] = Deadlines()

    def follow(self, changes: Iterable[BindingChange[SipFlow]], now: float) -> None:
        """Take over what changed at the registrar; a phone that registers is reachable."""
        for change in changes:
            key = phone_key(change.user, change.binding)
            match change:
                case Registered() | Refreshed():
                    self._phones[key] = _Phone(change.binding)
                    self._deadlines.set(key, now + first_question_s(key.user))
                case Unregistered() | Expired():
                    self._phones.pop(key, None)
                    self._deadlines.cancel(key)

    def next_deadline(self) -> float | None:
        """When the next phone is to be asked."""
        return self._deadlines.earliest()

    def handle_deadline(self, now: float) -> list[tuple[PhoneKey, Binding[SipFlow]]]:
        """The phones to be asked now; none of them is asked again before `answered`."""
        due = []
        while (key := self._deadlines.pop_due(now)) is not None:
            due.append((key, self._phones[key].binding))
        return due

    def answered(self, key: PhoneKey, asked: Binding[SipFlow], is_alive: bool, now: float) -> bool:
        """The result of the OPTIONS to the phone of `asked`; True when its reachability has changed.

        The result does not count for a phone that has registered since: the registration is newer.
        """
        phone = self._phones.get(key)
        if phone is None or phone.binding is not asked:
            return False
        self._deadlines.set(key, now + ASK_EVERY_S)
        was_silent, phone.is_silent = phone.is_silent, not is_alive
        return was_silent is is_alive

    def suspect(self, key: PhoneKey, now: float) -> None:
        """The phone was rung and did not respond: unreachable until it answers an OPTIONS, which is sent at once."""
        phone = self._phones.get(key)
        if phone is not None and not phone.is_silent:
            phone.is_silent = True
            self._deadlines.set(key, now)

    def is_at(self, key: PhoneKey, flow: SipFlow) -> bool:
        """Whether the phone is known with this address and connection already."""
        phone = self._phones.get(key)
        return phone is not None and phone.binding.flow == flow

    def is_silent(self, user: str, binding: Binding[SipFlow]) -> bool:
        """Whether the phone did not answer when it was last asked."""
        phone = self._phones.get(phone_key(user, binding))
        return phone is not None and phone.is_silent
