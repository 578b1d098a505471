"""Where the users of one domain can be reached (RFC 3261 section 10.3): bindings with expiry, for authenticated users.

A REGISTER is carried out wholly or not at all: everything that it asks for is checked before anything changes.
"""

import re
from collections.abc import Hashable, Iterable
from dataclasses import dataclass, field, replace
from typing import Final, Generic, TypeAlias, TypeVar

from acdcore.kernel.deadlines import Deadlines
from acdcore.sip.syntax.headers import NameAddr, parse_seconds
from acdcore.sip.syntax.message import DEFAULT_EXPIRES_S, Field, Request
from acdcore.sip.syntax.uri import MalformedValue

F = TypeVar("F", bound=Hashable)
"""How requests reach a binding; opaque here. The driver's name of a UDP source or of one TCP connection."""

_HOUR_S: Final = 3600
"""Wishes of an hour and more are never too brief, section 10.3 step 7."""
# qvalue = ( "0" [ "." 0*3DIGIT ] ) / ( "1" [ "." 0*3("0") ] )
_QVALUE: Final = re.compile(r"0(?:\.[0-9]{0,3})?|1(?:\.0{0,3})?")


@dataclass(frozen=True, slots=True)
class RegistrarSettings:
    """What the registrar grants."""

    expires_min_s: int = 60
    """Shorter wishes get 423; more frequent refreshes cost more than they tell."""
    expires_max_s: int = 3600
    """Longer wishes are granted this; a dead phone is known as dead by then at the latest."""
    expires_default_s: int = 3600
    """Granted when the phone does not say."""
    contacts_max: int = 8
    """Bindings of one user; when one more comes, the one that was not refreshed for longest goes."""


@dataclass(frozen=True, slots=True)
class Binding(Generic[F]):
    """One phone of a user."""

    contact: NameAddr
    """Its address as registered, without the `expires` parameter."""
    flow: F
    """The way on which the REGISTER came, and on which requests go back."""
    q: float
    """Preference, 0 to 1."""
    expires_at: float
    """Monotonic seconds."""
    refreshed_at: float
    """When the last REGISTER for it came, monotonic seconds."""
    call_id: str
    """Call-ID of that REGISTER."""
    cseq: int
    """CSeq number of that REGISTER."""

    @property
    def instance(self) -> str:
        """Which machine it is (`+sip.instance`, RFC 5626 section 4.1), empty when it did not say."""
        return instance_in(self.contact)

    @property
    def name(self) -> str:
        """Tells it from the user's others: the URI alone does not, behind NATs two machines may have the same one."""
        return f"{self.contact.uri} {self.instance}"

    def is_of(self, contact: NameAddr) -> bool:
        """Whether a Contact means this binding: an equivalent URI (RFC 3261 section 10.3), of no other instance."""
        other = instance_in(contact)
        is_other = other != self.instance and other != "" != self.instance
        return not is_other and self.contact.sip_uri.is_equivalent(contact.sip_uri)

    @property
    def reg_id(self) -> str:
        """Which of that machine's flows it is (RFC 5626 section 4.2), empty when it has but one."""
        return self.contact.param("reg-id") or ""


@dataclass(frozen=True, slots=True)
class Registered(Generic[F]):
    """A phone is new."""

    user: str
    """Whose phone."""
    binding: Binding[F]
    """The phone."""


@dataclass(frozen=True, slots=True)
class Refreshed(Generic[F]):
    """A known phone came again, perhaps from another address."""

    user: str
    """Whose phone."""
    binding: Binding[F]
    """The phone as it is now."""


@dataclass(frozen=True, slots=True)
class Unregistered(Generic[F]):
    """A phone went: by its own wish, displaced by a newer one, or its connection closed."""

    user: str
    """Whose phone."""
    binding: Binding[F]
    """The phone as it was."""


@dataclass(frozen=True, slots=True)
class Expired(Generic[F]):
    """A phone did not come again in time."""

    user: str
    """Whose phone."""
    binding: Binding[F]
    """The phone as it was."""


BindingChange: TypeAlias = Registered[F] | Refreshed[F] | Unregistered[F] | Expired[F]


@dataclass(frozen=True, slots=True)
class RegistrarReply(Generic[F]):
    """What to answer, and what changed."""

    status: int
    """200, 400, 403, 423 or 500."""
    headers: tuple[Field, ...] = ()
    """Contact of every binding, or Min-Expires."""
    changes: tuple[BindingChange[F], ...] = ()
    """What the request changed, after what had expired until now."""
    refusal: str = ""
    """Why it was refused, for the log; one of a closed list."""


class _Rejected(MalformedValue):
    """The REGISTER cannot be carried out, with what the reply has to say."""

    def __init__(self, reason: str, status: int, headers: tuple[Field, ...] = ()) -> None:
        super().__init__(reason, status)
        self.headers = headers


class Registrar(Generic[F]):
    """All bindings; `next_deadline` and `handle_deadline` let them expire."""

    def __init__(self, settings: RegistrarSettings) -> None:
        self._settings = settings
        self._bindings: dict[str, list[Binding[F]]] = {}
        self._deadlines: Deadlines[tuple[str, str]] = Deadlines()  # (user, name of the binding)

    def __len__(self) -> int:
        return sum(map(len, self._bindings.values()))

    def handle(self, request: Request, flow: F, user: str, now: float) -> RegistrarReply[F]:
        """Carry out a REGISTER of `user`, who is already authenticated."""
        expired = self.handle_deadline(now)
        update = _Update(self._settings, request, flow, user, now, list(self._bindings.get(user, ())))
        try:
            update.run()
        except _Rejected as rejection:
            return RegistrarReply(rejection.sip_status, rejection.headers, expired, str(rejection))
        except MalformedValue as fault:
            return RegistrarReply(fault.sip_status, (), expired, "malformed")
        self._commit(user, update.bindings)
        contacts = tuple([("Contact", _as_granted(binding, now)) for binding in self.contacts(user, now)])
        return RegistrarReply(200, contacts, (*expired, *update.changes))

    def is_registered(self, user: str, now: float) -> bool:
        """Whether `user` can be reached anywhere now."""
        return any(binding.expires_at > now for binding in self._bindings.get(user, ()))

    def contacts(self, user: str, now: float) -> tuple[Binding[F], ...]:
        """Where `user` can be reached now, most preferred first, among equals the latest refreshed first."""
        live = [binding for binding in self._bindings.get(user, ()) if binding.expires_at > now]
        return tuple(sorted(live, key=lambda binding: (-binding.q, -binding.refreshed_at)))

    def next_deadline(self) -> float | None:
        """When the next binding expires, None when there is none."""
        return self._deadlines.earliest()

    def handle_deadline(self, now: float) -> tuple[Expired[F], ...]:
        """Drop what expired at or before `now`."""
        expired: list[Expired[F]] = []
        while (key := self._deadlines.pop_due(now)) is not None:
            user, name = key
            gone = [binding for binding in self._bindings[user] if binding.name == name]
            self._commit(user, [binding for binding in self._bindings[user] if binding not in gone])
            expired += [Expired(user, binding) for binding in gone]
        return tuple(expired)

    def export(self, now: float) -> tuple[tuple[str, Binding[F]], ...]:
        """Every live binding with its user, as `restore` takes them."""
        return tuple(
            [(user, each) for user, bindings in self._bindings.items() for each in bindings if each.expires_at > now]
        )

    def restore(self, kept: Iterable[tuple[str, Binding[F]]], now: float) -> tuple[Registered[F], ...]:
        """Take over bindings that were granted before a restart; returns those that count again.

        What has expired is dropped, and so is what a phone has registered again already; no binding lives longer, and
        no user has more of them, than the settings grant.
        """
        latest = now + self._settings.expires_max_s
        restored: list[Registered[F]] = []
        for user, old in kept:
            binding = replace(old, expires_at=min(old.expires_at, latest))
            known = self._bindings.get(user, [])
            is_known = any(each.is_of(binding.contact) for each in known)
            if binding.expires_at <= now or is_known or len(known) >= self._settings.contacts_max:
                continue
            self._commit(user, [*known, binding])
            restored.append(Registered(user, binding))
        return tuple(restored)

    def forget_flow(self, flow: F) -> tuple[Unregistered[F], ...]:
        """Drop what was registered over a connection that is closed: nothing can be sent there any more."""
        gone = [(user, b) for user, bindings in self._bindings.items() for b in bindings if b.flow == flow]
        for user in {user for user, _ in gone}:
            self._commit(user, [binding for binding in self._bindings[user] if binding.flow != flow])
        return tuple([Unregistered(user, binding) for user, binding in gone])

    def _commit(self, user: str, bindings: list[Binding[F]]) -> None:
        for binding in self._bindings.pop(user, ()):
            self._deadlines.cancel((user, binding.name))
        for binding in bindings:
            self._deadlines.set((user, binding.name), binding.expires_at)
        if bindings:
            self._bindings[user] = bindings


@dataclass(slots=True)
class _Update(Generic[F]):
    """One REGISTER while it is carried out on a copy of the user's bindings, RFC 3261 section 10.3."""

    settings: RegistrarSettings
    request: Request
    flow: F
    user: str
    now: float
    bindings: list[Binding[F]]
    """Before `run` as they were, afterwards as they are to be."""
    changes: list[BindingChange[F]] = field(default_factory=list)

    def run(self) -> None:
        """Carry it out; raises MalformedValue, and then nothing of it counts."""
        if self.request.to.sip_uri.username != self.user:
            raise _Rejected("only one's own address may be registered", 403)  # step 4
        contacts = self.request.contacts
        if any(contact.is_wildcard for contact in contacts):
            return self._remove_all(contacts)
        if len(contacts) > self.settings.contacts_max:
            raise _Rejected("too many contacts", 403)
        for contact in contacts:
            self._apply(contact)
        while len(self.bindings) > self.settings.contacts_max:
            self._remove(min(self.bindings, key=lambda binding: binding.refreshed_at))
        return None

    def _remove_all(self, contacts: tuple[NameAddr, ...]) -> None:
        if len(contacts) != 1 or self.request.expires != 0:
            raise _Rejected("a wildcard stands alone and with Expires: 0", 400)  # step 6
        for binding in list(self.bindings):
            self._check_order(binding)
            self._remove(binding)

    def _apply(self, contact: NameAddr) -> None:
        """Step 7 for one Contact."""
        expires_s = self._granted_s(contact)
        _ = contact.sip_uri  # another scheme is refused here, before anything is changed
        known = next((old for old in self.bindings if old.is_of(contact)), None)
        if known is not None:
            self._check_order(known)
        if expires_s == 0:
            if known is not None:
                self._remove(known)
            return
        binding = self._binding(contact, expires_s)
        for former in [old for old in self.bindings if old is not known and self._is_replaced(old, binding)]:
            self._remove(former)
        if known is not None and known.name != binding.name:
            # The same address spelled another way (section 19.1.4); subscribers to changes know a phone by its name.
            self._remove(known)
            known = None
        if known is None:
            self.bindings.append(binding)
            self.changes.append(Registered(self.user, binding))
        else:
            self.bindings[self.bindings.index(known)] = binding
            self.changes.append(Refreshed(self.user, binding))

    def _is_replaced(self, old: Binding[F], new: Binding[F]) -> bool:
        """Whether it is the same machine's same flow, left over from before it changed its address (RFC 5626, 6)."""
        is_of_this_request = old.refreshed_at == self.now and old.call_id == self.request.call_id
        is_same = old.instance == new.instance != "" and old.reg_id == new.reg_id
        return is_same and not is_of_this_request

    def _binding(self, contact: NameAddr, expires_s: int) -> Binding[F]:
        params = tuple([(name, value) for name, value in contact.params if name != "expires"])
        return Binding(
            contact=replace(contact, params=params),
            flow=self.flow,
            q=_preference(contact),
            expires_at=self.now + expires_s,
            refreshed_at=self.now,
            call_id=self.request.call_id,
            cseq=self.request.cseq.number,
        )

    def _remove(self, binding: Binding[F]) -> None:
        self.bindings.remove(binding)
        self.changes.append(Unregistered(self.user, binding))

    def _check_order(self, binding: Binding[F]) -> None:
        if binding.call_id == self.request.call_id and self.request.cseq.number <= binding.cseq:
            raise _Rejected("overtaken by a later REGISTER", 500)

    def _granted_s(self, contact: NameAddr) -> int:
        wished = contact.param("expires")
        wish_s = self.request.expires if wished is None else _seconds(wished)
        if wish_s is None:
            return self.settings.expires_default_s
        if 0 < wish_s < min(self.settings.expires_min_s, _HOUR_S):
            raise _Rejected("interval too brief", 423, (("Min-Expires", str(self.settings.expires_min_s)),))
        return min(wish_s, self.settings.expires_max_s)


def instance_in(contact: NameAddr) -> str:
    """The machine that a Contact names (`+sip.instance`, RFC 5626 section 4.1), empty when it names none."""
    return (contact.param("+sip.instance") or "").lower()


def _seconds(text: str) -> int:
    try:
        return parse_seconds(text)
    except MalformedValue:
        return DEFAULT_EXPIRES_S


def _preference(contact: NameAddr) -> float:
    value = contact.param("q")
    if value is None:
        return 1.0
    if _QVALUE.fullmatch(value) is None:
        raise MalformedValue("malformed q")
    return float(value)


def _as_granted(binding: Binding[F], now: float) -> str:
    """What is left, never more than was asked for (RFC 3261 section 10.3): a clock's fraction must not round it up.

    A binding in its last second still has one: 0 would say that it is gone.
    """
    left_s = max(1, int(round(binding.expires_at - now, 3)))
    return str(binding.contact.with_param("expires", str(left_s)))
