"""Sources that are banned after wrong passwords or keys: lists them, and lifts a ban early."""

from dataclasses import dataclass

from acdcore.control.route import ApiRequest, Reply, Route, RouteSpec, route
from acdcore.control.schemas import Nothing, Shape, Token
from acdcore.control.settings import Right
from acdcore.kernel.clock import Clock
from acdcore.kernel.lockout import Lockout


class OneSource(Shape):
    """A path that names a source."""

    source: Token
    """The address, as the list shows it."""


@dataclass(frozen=True, slots=True)
class Ban:
    """A source that is banned now."""

    source: str
    """Its address; of IPv6 the first 64 bits."""
    seconds_left: int
    """Seconds until it may try again."""


@dataclass(frozen=True, slots=True)
class Bans:
    """All bans, by SIP and HTTP together."""

    bans: tuple[Ban, ...]


@dataclass(frozen=True, slots=True)
class Lifted:
    """The result of lifting a source's ban."""

    source: str
    is_lifted: bool
    """False: the source was not banned."""


class BanRoutes:
    """Shows and lifts bans."""

    def __init__(self, lockout: Lockout, clock: Clock) -> None:
        self._lockout = lockout
        self._clock = clock

    def routes(self) -> tuple[Route, ...]:
        shown = RouteSpec("GET", "/v1/bans", Right.READ, "Sources banned after wrong passwords or keys", Bans)
        lift = RouteSpec("DELETE", "/v1/bans/{source}", Right.OPERATE, "Let a source off", Lifted)
        return (route(shown, Nothing, Nothing, self.shown), route(lift, OneSource, Nothing, self.lift))

    async def shown(self, request: ApiRequest[Nothing, Nothing]) -> Reply:
        bans = self._lockout.bans(self._clock.now())
        return Reply(Bans(tuple(Ban(source, round(left_s)) for source, left_s in bans.items())))

    async def lift(self, request: ApiRequest[OneSource, Nothing]) -> Reply:
        source = request.parameters.source
        return Reply(Lifted(source, self._lockout.lift(source)))
