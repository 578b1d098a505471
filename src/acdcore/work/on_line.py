"""Which customers have a call up, and which of them talk or have talked meanwhile. Pure.

A customer is known by keys: that of the number, and that of the card when the caller is recognised. What is remembered
of a key goes with its last call, so this is as large as the calls that are up.
"""

from collections import Counter
from collections.abc import Iterable
from datetime import datetime, timedelta

from acdcore.kernel.ids import CallId, CustomerId


def customer_key(customer: CustomerId) -> str:
    """The key of a customer's card; the blank keeps it apart from all numbers."""
    return f"customer {customer}"


class CustomersOnLine:
    """Calls that are up, by the keys of their customers."""

    def __init__(self) -> None:
        self._keys: dict[CallId, tuple[str, ...]] = {}
        self._calls: Counter[str] = Counter()
        """How many calls of each key are up."""
        self._talks: Counter[str] = Counter()
        """How many of them talk."""
        self._talking: set[CallId] = set()
        self._talked_at: dict[str, datetime] = {}
        """When the last talk of a key that is up ended."""

    def call_started(self, call: CallId, keys: Iterable[str]) -> list[str]:
        """The call is up, or more is known of its customer; the keys that it had not before."""
        known = self._keys.get(call, ())
        new = [key for key in dict.fromkeys(keys) if key and key not in known]
        self._keys[call] = (*known, *new)
        self._calls.update(new)
        if call in self._talking:
            self._talks.update(new)
        return new

    def talk_started(self, call: CallId) -> tuple[str, ...]:
        """The call is answered; its keys, none when it is not up."""
        keys = self._keys.get(call, ())
        if call in self._keys and call not in self._talking:
            self._talking.add(call)
            self._talks.update(keys)
        return keys

    def talk_ended(self, call: CallId, wall: datetime) -> None:
        """The talk is over; the call may go on."""
        if call not in self._talking:
            return
        self._talking.discard(call)
        keys = self._keys[call]
        _take_off(self._talks, keys)
        self._talked_at |= dict.fromkeys(keys, wall)

    def call_ended(self, call: CallId, wall: datetime) -> list[str]:
        """The call is over; the keys that have no call any more."""
        self.talk_ended(call, wall)
        keys = self._keys.pop(call, ())
        _take_off(self._calls, keys)
        gone = [key for key in keys if key not in self._calls]
        for key in gone:
            self._talked_at.pop(key, None)
        return gone

    def is_talking(self, call: CallId) -> bool:
        """Whether this call talks."""
        return call in self._talking

    def is_up(self, keys: Iterable[str]) -> bool:
        """Whether any of these has a call up."""
        return any(key in self._calls for key in keys)

    def has_talked(self, keys: Iterable[str], since: datetime) -> bool:
        """Whether any of these talks now, or has talked since `since` while one of its calls was up."""
        return any(key in self._talks or self._talked_at.get(key, since) > since for key in keys)

    def clock_set(self, by: timedelta) -> None:
        """The time of day has leapt by so much."""
        self._talked_at = {key: at + by for key, at in self._talked_at.items()}


def _take_off(counts: Counter[str], keys: Iterable[str]) -> None:
    """One less of each; `Counter`'s own difference would look at the keys of every call that is up."""
    for key in keys:
        counts[key] -= 1
        if not counts[key]:
            del counts[key]
