"""How long callers would wait, learnt from days on which most were answered before their patience ended.

A caller who is answered after 10 s shows only that the patience is longer than that: a censored observation. The
product limit estimator of Kaplan and Meier (1958) uses both kinds; its variance is Greenwood's (1926).
"""

import bisect
import math
from collections.abc import Iterable
from dataclasses import dataclass
from itertools import groupby
from operator import attrgetter


@dataclass(frozen=True, slots=True)
class Wait:
    """One caller's wait."""

    waited_s: float
    """Seconds until the caller hung up, or until something else ended the wait."""
    is_given_up: bool
    """True: the caller's patience ended. False: the patience is longer than the wait."""


@dataclass(frozen=True, slots=True)
class PatienceCurve:
    """The share of callers whose patience is longer than t, as a step function; after the last observation it falls
    exponentially at the mean rate of abandoning."""

    times_s: tuple[float, ...]
    """Moments at which a caller abandoned, rising, seconds."""
    shares: tuple[float, ...]
    """Share of callers who wait on after each of them, 0 to 1."""
    errors: tuple[float, ...]
    """Standard error of each share."""
    last_s: float
    """Longest wait observed, seconds."""
    mean_s: float
    """Time waited by all / number of callers who abandoned, seconds: the mean of an exponential patience, as Erlang A
    needs it; infinite: nobody abandoned."""

    def share_after(self, waited_s: float) -> float:
        """Share of callers who are still patient after `waited_s`."""
        if waited_s > self.last_s and not math.isinf(self.mean_s):
            return self._share_at_end * math.exp((self.last_s - waited_s) / self.mean_s)
        number = bisect.bisect_right(self.times_s, waited_s)
        return self.shares[number - 1] if number else 1.0

    def draw(self, chance: float, longer_than_s: float = 0.0) -> float | None:
        """A patience longer than `longer_than_s`, seconds; `chance` in [0, 1) selects it. None: without end."""
        if math.isinf(self.mean_s):
            return None
        if longer_than_s >= self.last_s:
            return longer_than_s - self.mean_s * math.log(1.0 - chance)
        share = self.share_after(longer_than_s) * (1.0 - chance)
        if share < self._share_at_end:
            return self.last_s + self.mean_s * math.log(self._share_at_end / share)
        # The first step at or below the share; shares fall, so their negatives rise, as bisect needs.
        number = bisect.bisect_left(self.shares, -share, key=lambda value: -value)
        return self.times_s[min(number, len(self.times_s) - 1)]

    @property
    def _share_at_end(self) -> float:
        return self.shares[-1] if self.shares else 1.0


def fit(waits: Iterable[Wait]) -> PatienceCurve:
    """The estimate from any number of waits; none is allowed."""
    observed = sorted(waits, key=attrgetter("waited_s"))
    times_s, shares, errors = [], [], []
    still_here, share, greenwood = len(observed), 1.0, 0.0
    for waited_s, group in groupby(observed, key=attrgetter("waited_s")):
        together = list(group)
        given_up = sum(wait.is_given_up for wait in together)
        if given_up:
            share *= 1.0 - given_up / still_here
            if still_here > given_up:
                greenwood += given_up / (still_here * (still_here - given_up))
            times_s.append(waited_s)
            shares.append(share)
            errors.append(share * math.sqrt(greenwood))
        still_here -= len(together)
    given_up_in_all = sum(wait.is_given_up for wait in observed)
    exposure_s = sum(wait.waited_s for wait in observed)
    mean_s = exposure_s / given_up_in_all if given_up_in_all and exposure_s > 0 else math.inf
    last_s = observed[-1].waited_s if observed else 0.0
    return PatienceCurve(tuple(times_s), tuple(shares), tuple(errors), last_s, mean_s)
