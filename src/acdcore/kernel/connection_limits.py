"""Connection limits: whose TCP connection is closed when there are too many (pure).

| connection | is                                               | how many                                      |
|------------|--------------------------------------------------|-----------------------------------------------|
| known      | ours, a known peer's, or one that proved itself  | `known_max`                                   |
| stranger   | any other                                        | `strangers_max`, and `source_max` of a source |

One stranger too many: a connection of the source that has most of them is closed, first one that has sent nothing yet,
the oldest first. One known peer too many: the oldest known connection that has sent nothing yet is closed, or the new
one is refused. So idle connections make room for active ones, and strangers never take the place of a known peer.
"""

from collections import OrderedDict
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class ConnectionRules:
    """How many connections at once."""

    known_max: int = 1_000
    """Of known peers, ours included."""
    strangers_max: int = 256
    """Of all strangers; all phones of a site that come back together authenticate within a second."""
    source_max: int = 64
    """Of strangers at one address."""

    @property
    def descriptors(self) -> int:
        """The most that there can be."""
        return self.known_max + self.strangers_max


class ConnectionLimits:
    """The connections of one kind of listener."""

    def __init__(self, rules: ConnectionRules) -> None:
        self._rules = rules
        self._known: dict[int, bool] = {}  # number -> whether it has sent a message
        self._strangers: dict[int, str] = {}
        self._by_source: dict[str, OrderedDict[int, bool]] = {}  # number -> whether it has sent a message

    def __len__(self) -> int:
        return len(self._known) + len(self._strangers)

    def opened(self, number: int, source: str, *, is_known: bool) -> int | None:
        """A new connection; the number of the one to be closed for it, which may be itself, or None."""
        if is_known:
            return self._open_known(number)
        self._strangers[number] = source
        own = self._by_source.setdefault(source, OrderedDict())
        own[number] = False
        if len(own) > self._rules.source_max:
            return self._close_one(own, number)
        if len(self._strangers) > self._rules.strangers_max:
            return self._close_one(max(self._by_source.values(), key=len), number)
        return None

    def heard(self, number: int) -> None:
        """It has sent a message that could be read."""
        source = self._strangers.get(number)
        if source is not None:
            self._by_source[source][number] = True
        elif number in self._known:
            self._known[number] = True

    def proved(self, number: int) -> bool:
        """It belongs to a known peer; False when there is no room for another of these, and it stays a stranger's."""
        if number not in self._strangers:
            return number in self._known
        if len(self._known) >= self._rules.known_max:
            return False
        self.closed(number)
        self._known[number] = True
        return True

    def is_known(self, number: int) -> bool:
        """Whether it is a known peer's."""
        return number in self._known

    def closed(self, number: int) -> None:
        """It is gone."""
        self._known.pop(number, None)
        source = self._strangers.pop(number, None)
        if source is not None:
            own = self._by_source[source]
            del own[number]
            if not own:
                del self._by_source[source]

    def _open_known(self, number: int) -> int | None:
        surplus = None
        if len(self._known) >= self._rules.known_max:
            surplus = next((one for one, has_spoken in self._known.items() if not has_spoken), None)
            if surplus is None:
                return number
            del self._known[surplus]
        self._known[number] = False
        return surplus

    def _close_one(self, own: OrderedDict[int, bool], newest: int) -> int:
        silent = next((number for number, has_spoken in own.items() if not has_spoken and number != newest), None)
        chosen = silent if silent is not None else next(iter(own))
        self.closed(chosen)
        return chosen
