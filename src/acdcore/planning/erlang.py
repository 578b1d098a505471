"""Erlang's formulas for queues: service level, wait, abandonment, occupancy, and the number of agents required.

Load is in erlangs (arrivals per second times mean handling seconds). Sources: Erlang (1917) for B and C; Palm (1957)
and Garnett, Mandelbaum, Reiman (2002) for A, the model with impatient callers; the integrals over the offered wait are
those of Baccelli and Hebuterne (1981) as Zeltyn and Mandelbaum (2005) write them.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass

MAX_AGENTS = 10_000
"""The search for enough agents stops here: a dispatcher holds no more."""
STEPS = 2_000
"""Steps of the integrals; with 40 time constants the error is below 1e-7."""
NEGLIGIBLE = 40.0
"""Where the exponent is this much below its maximum, the density counts as 0 (4e-18 of the maximum)."""


@dataclass(frozen=True, slots=True)
class OfferedTraffic:
    """Calls of one kind; all times are exponentially distributed."""

    calls_per_hour: float
    """Mean rate of arrivals."""
    handling_s: float
    """Mean talk and wrap-up, seconds."""
    patience_s: float = math.inf
    """Mean patience, seconds; infinite: callers wait without end (Erlang C)."""

    @property
    def load(self) -> float:
        """Offered load, erlangs."""
        return self.calls_per_hour / 3_600.0 * self.handling_s


@dataclass(frozen=True, slots=True)
class Target:
    """The service that a queue is to give, and the load that its agents may have."""

    service_level: float = 0.8
    """Share of the calls offered that are to be answered in time, from 0 to below 1."""
    within_s: float = 20.0
    """An answer within this time is in time, seconds."""
    max_occupancy: float = 1.0
    """Highest share of time on duty in talk and wrap-up, above 0 to 1; people cannot sustain more than about 0.85."""


@dataclass(frozen=True, slots=True)
class Expected:
    """What the formulas give for a number of agents in a steady state."""

    service_level: float
    """Share of the calls offered that are answered in time, 0 to 1."""
    average_wait_s: float
    """Mean wait over all calls, abandoned ones included, seconds; infinite: the agents cannot keep up."""
    abandonment: float
    """Share of the calls offered that are abandoned, 0 to 1."""
    occupancy: float
    """Share of the agents' time in talk and wrap-up, 0 to 1."""


def erlang_b(load: float, lines: int) -> float:
    """Share of calls that find all lines busy, when such calls are lost."""
    blocked = 1.0
    for line in range(1, lines + 1):
        blocked = load * blocked / (line + load * blocked)
    return blocked


def erlang_c(load: float, agents: int) -> float:
    """Share of calls that have to wait, when callers wait without end; 1: the agents cannot keep up."""
    if agents <= load:
        return 1.0
    blocked = erlang_b(load, agents)
    return agents * blocked / (agents - load * (1.0 - blocked))


def service_level_c(load: float, agents: int, handling_s: float, within_s: float) -> float:
    """Share answered within `within_s`, when callers wait without end and handling times are exponential."""
    if agents <= load:
        return 0.0
    return 1.0 - erlang_c(load, agents) * math.exp(-(agents - load) * within_s / handling_s)


def average_wait_c(load: float, agents: int, handling_s: float) -> float:
    """Mean wait over all calls, in seconds; infinite when the agents cannot keep up."""
    if agents <= load:
        return math.inf
    return erlang_c(load, agents) * handling_s / (agents - load)


def expect(demand: OfferedTraffic, agents: int, within_s: float) -> Expected:
    """The steady state: Erlang A for a finite patience, Erlang C for an infinite one."""
    load = demand.load
    if load <= 0.0:
        return Expected(1.0, 0.0, 0.0, 0.0)
    if agents <= 0:
        return Expected(0.0, demand.patience_s, 1.0 if demand.patience_s < math.inf else 0.0, 1.0)
    if math.isinf(demand.patience_s):
        level = service_level_c(load, agents, demand.handling_s, within_s)
        return Expected(level, average_wait_c(load, agents, demand.handling_s), 0.0, min(1.0, load / agents))
    wait = OfferedWait(load, agents, demand.handling_s, demand.patience_s)
    average_wait_s = wait.average_s()
    abandonment = min(1.0, average_wait_s / demand.patience_s)
    occupancy = min(1.0, load * (1.0 - abandonment) / agents)
    return Expected(wait.served_within(within_s), average_wait_s, abandonment, occupancy)


def required_agents(demand: OfferedTraffic, target: Target) -> int:
    """The smallest number of agents that meets the target; 0 without calls.

    Raises ValueError when `MAX_AGENTS` are not enough, or when no number can meet the target.
    """
    if not 0.0 <= target.service_level < 1.0 or not 0.0 < target.max_occupancy <= 1.0:
        raise ValueError("give a service level from 0 to below 1, and an occupancy above 0 and at most 1")
    if demand.load <= 0.0:
        return 0
    low, high = 0, max(1, math.ceil(demand.load))
    while not _is_enough(demand, high, target):  # doubles: at most 14 rounds up to MAX_AGENTS
        low, high = high, 2 * high
        if high > 2 * MAX_AGENTS:
            raise ValueError(f"{MAX_AGENTS} agents are not enough for {demand.load:.0f} erlangs")
    while high - low > 1:  # halves what is left
        middle = (low + high) // 2
        if _is_enough(demand, middle, target):
            high = middle
        else:
            low = middle
    return high


def _is_enough(demand: OfferedTraffic, agents: int, target: Target) -> bool:
    expected = expect(demand, agents, target.within_s)
    return expected.service_level >= target.service_level and expected.occupancy <= target.max_occupancy


class OfferedWait:
    """How long a caller with infinite patience would wait among callers with finite patience (M/M/n+M).

    The density above 0 is v(x) = arrivals x p x exp(arrivals x H(x) - agents x service x x), where H(x) is the mean
    of min(x, patience) and p the probability that exactly one agent is free. `load` is in
    erlangs; `load` and `agents` are above 0. Patience is exponential with mean `patience_s`.
    """

    def __init__(self, load: float, agents: int, handling_s: float, patience_s: float) -> None:
        self._patience_s = patience_s
        self._arrivals = load / handling_s
        self._service = agents / handling_s
        peak_s = patience_s * math.log(self._arrivals / self._service) if self._arrivals > self._service else 0.0
        self._top = self._exponent(peak_s)
        self._end_s = self._last(peak_s)
        # The states with a free agent weigh 1 / B(agents - 1) times the state with exactly one free agent.
        blocked = erlang_b(load, agents - 1)
        free = math.exp(-self._top)
        waiting = blocked * self._arrivals * self._integral(lambda _: 1.0, self._end_s)
        self._scale = blocked * self._arrivals / (free + waiting)
        self.no_wait = free / (free + waiting)
        """Share of callers who find a free agent."""

    def served_within(self, within_s: float) -> float:
        """Share of all callers who are answered within `within_s`."""
        if within_s <= 0.0:
            return self.no_wait
        still_here = self._integral(lambda x: math.exp(-x / self._patience_s), min(within_s, self._end_s))
        return min(1.0, self.no_wait + self._scale * still_here)

    def average_s(self) -> float:
        """Mean wait over all callers, until the answer or the end of patience."""
        return self._scale * self._integral(self._mean_of_shorter, self._end_s)

    def _mean_of_shorter(self, at_s: float) -> float:
        return -self._patience_s * math.expm1(-at_s / self._patience_s)

    def _exponent(self, at_s: float) -> float:
        return self._arrivals * self._mean_of_shorter(at_s) - self._service * at_s

    def _last(self, peak_s: float) -> float:
        """A wait that next to no caller exceeds, seconds."""
        width_s = 1.0 / self._service
        while self._exponent(peak_s + width_s) > self._top - NEGLIGIBLE:  # doubles: the exponent falls in the end
            width_s *= 2.0
        return peak_s + width_s

    def _integral(self, factor: Callable[[float], float], until_s: float) -> float:
        """Simpson's rule over the density without its scale, times `factor`."""
        step_s = until_s / STEPS
        total = 0.0
        for step in range(STEPS + 1):
            at_s = step * step_s
            weight = 1.0 if step in (0, STEPS) else 4.0 if step % 2 else 2.0
            total += weight * factor(at_s) * math.exp(self._exponent(at_s) - self._top)
        return total * step_s / 3.0
