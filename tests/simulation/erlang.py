"""Erlang's formulas for waiting lines: the yardstick for the dispatcher.

Load is in erlangs (arrivals per second times mean handling seconds). Sources: Erlang (1917) for B and C; Palm (1957)
and Garnett, Mandelbaum, Reiman (2002) for A, the model with impatient callers.
"""

import math

MAX_STATES = 100_000
"""Longest queue that Erlang A sums over; the terms fall below double precision long before."""


def erlang_b(load: float, lines: int) -> float:
    """Share of calls that find all lines taken, when such calls are lost."""
    blocked = 1.0
    for line in range(1, lines + 1):
        blocked = load * blocked / (line + load * blocked)
    return blocked


def erlang_c(load: float, agents: int) -> float:
    """Share of calls that wait at all, when everybody waits for ever; 1 when the agents can not keep up."""
    if agents <= load:
        return 1.0
    blocked = erlang_b(load, agents)
    return agents * blocked / (agents - load * (1.0 - blocked))


def service_level_c(load: float, agents: int, handling_s: float, within_s: float) -> float:
    """Share answered within `within_s`, with patient callers and exponential handling times."""
    if agents <= load:
        return 0.0
    return 1.0 - erlang_c(load, agents) * math.exp(-(agents - load) * within_s / handling_s)


def average_wait_c(load: float, agents: int, handling_s: float) -> float:
    """Mean wait over all calls, in seconds; infinite when the agents can not keep up."""
    if agents <= load:
        return math.inf
    return erlang_c(load, agents) * handling_s / (agents - load)


def service_level_a(load: float, agents: int, handling_s: float, patience_s: float, within_s: float) -> float:
    """Share of all calls offered that are answered within `within_s`, when callers wait for an exponential
    patience of mean `patience_s` and then hang up."""
    total, weight = 0.0, 1.0  # weight of each state (calls in the system), relative to the empty one
    answered_at_once, answered_later = 0.0, 0.0
    for calls in range(MAX_STATES):
        total += weight
        if calls < agents:
            answered_at_once += weight
        else:
            answered_later += weight * _served_within(calls - agents, agents / handling_s, 1.0 / patience_s, within_s)
        leaving = min(calls + 1, agents) + max(0, calls + 1 - agents) * handling_s / patience_s
        weight *= load / leaving
        if calls > agents and weight < total * 1e-15:
            break
    return (answered_at_once + answered_later) / total


def _served_within(ahead: int, service_rate: float, patience_rate: float, within_s: float) -> float:
    """Chance to be served by `within_s` with `ahead` callers in front, before losing patience.

    The queue in front shrinks at rates service + k x patience, k = ahead ... 0; with our own patience running beside it
    (rate patience), being served is the arrival at the end of a pure death chain: a sum of exponentials with rates in
    arithmetic progression, whose distribution is a beta function. Integrated here by Simpson's rule.
    """
    steps = 200
    width_s = within_s / steps
    density = [_served_at(ahead, service_rate, patience_rate, step * width_s) for step in range(steps + 1)]
    odd, even = sum(density[1:-1:2]), sum(density[2:-1:2])
    return width_s / 3.0 * (density[0] + 4.0 * odd + 2.0 * even + density[-1])


def _served_at(ahead: int, service_rate: float, patience_rate: float, at_s: float) -> float:
    """Density of being served at `at_s`: the last of `ahead` + 1 departures happens then, and patience has lasted.

    With s, p the rates: product over k of (s + k p), times (1 - exp(-p t))^ahead / (p^ahead ahead!), times exp(-s t),
    times exp(-p t) for our own patience.
    """
    gone = -math.expm1(-patience_rate * at_s)
    if ahead and gone <= 0.0:
        return 0.0
    log_density = -(service_rate + patience_rate) * at_s + math.log(service_rate)
    if ahead:
        ratio = service_rate / patience_rate
        log_density += math.lgamma(ratio + ahead + 1) - math.lgamma(ratio + 1) - math.lgamma(ahead + 1)
        log_density += ahead * math.log(gone)
    return math.exp(log_density)
