"""How callers are heard is told by voices and sentences that nobody has set a threshold by."""

import importlib.util
import json
from collections import Counter
from itertools import combinations

import pytest
from bench.centre import Cores
from bench.listening_load import ALONE, LISTENED, SPEAKING, Asked, Observed, figures_of, hum, observe
from bench.listening_words import CASTS
from bench.load import Window

from acdcore.recognition.voice_activity import QUIET

NEEDS_SPEECH = pytest.mark.skipif(importlib.util.find_spec("numpy") is None, reason="the extra speech is not installed")


def test_no_voice_belongs_to_two_sets() -> None:
    for one, other in combinations(CASTS.values(), 2):
        for language in ("cmn", "en"):
            assert not set(one[language].voices) & set(other[language].voices)


def test_sentences_of_the_test_were_not_used_for_tuning() -> None:
    tuning, test = CASTS["tuning"], CASTS["test"]
    for language in ("cmn", "en"):
        assert not set(tuning[language].others) & set(test[language].others)
        assert not set(tuning[language].carriers[1:]) & set(test[language].carriers[1:])


@NEEDS_SPEECH
def test_set_says_everything_once_a_round_and_by_voices_of_its_own_only() -> None:
    from bench.listening import utterances  # wants numpy

    said = list(utterances("test", 2))
    kinds = Counter((each.language, each.kind) for each in said)
    assert kinds == {
        ("cmn", "departments"): 66, ("cmn", "yes_no"): 44, ("cmn", "other"): 24,
        ("en", "departments"): 66, ("en", "yes_no"): 38, ("en", "other"): 24,
    }  # fmt: skip
    assert {each.voice for each in said if each.language == "cmn"} == set(CASTS["test"]["cmn"].voices)
    assert len({(each.text, each.voice) for each in said}) == len(said)


def test_hum_is_loud_enough_to_be_judged_and_of_the_asked_length() -> None:
    samples = memoryview(hum(2.5)).cast("h")
    assert len(samples) == 20_000
    assert all(max(samples[at : at + 256]) >= QUIET for at in range(0, 19_744, 256))


def window(lost: int) -> Window:
    return Window(1000, lost, 0, 0, 1000, 0.1, 0.2, 21.0, 22.0, 0.1, 5.0, 30.0, 100)


def test_lateness_is_told_of_the_windows_of_its_state_only() -> None:
    asked = Asked(50, 20, 10.0, 1, 100, 1)
    gauge = {"acdcore_listeners": 20.0}
    total = 'acdcore_listened_total{result="understood"}'
    observed = {
        ALONE: [observe(window(0), 0.0, 10.0, {"acdcore_listeners": 0.0}, {"acdcore_listeners": 0.0})],
        LISTENED: [observe(window(1), 20.0, 30.0, gauge, {"acdcore_listeners": 19.0})],
        SPEAKING: [observe(window(0), 40.0, 50.0, gauge, {**gauge, total: 3.0})],
    }
    lateness = [(5.0, 1.0), (15.0, 99.0), (25.0, 2.0), (45.0, 3.0)]
    figures = figures_of(asked, observed, lateness, Cores(0, 1))
    assert [figures[f"{state}_late_max_ms"] for state in observed] == [1.0, 2.0, 3.0]
    assert [figures[f"{state}_loss"] for state in observed] == [0, 0.001, 0]
    assert figures["listened_listeners_min"] == 19
    assert figures["speaking_understood"] == 3
    assert json.dumps(figures)


def test_what_was_understood_before_the_window_does_not_count() -> None:
    total = 'acdcore_listened_total{result="understood"}'
    seen: Observed = observe(
        window(0), 0.0, 1.0, {"acdcore_listeners": 1.0, total: 2.0}, {"acdcore_listeners": 1.0, total: 2.0}
    )
    assert seen.results == Counter()
