"""Which of the asked phrases a text sounds like (pure).

1. A phrase is looked for anywhere in the text, at word boundaries, by the least costly way to turn its sounds into
   those of a part of the text. `likeness` is 1 without a difference and 0 when nothing is left of the phrase.
2. What stands around the phrase makes it less likely, the more so the shorter the phrase is: 是 is in many sentences.
   Words of politeness and hesitation do not count.
3. What is denied was not said: 不 or "not" right before it, or "not" after it as the last word ("of course not").
4. Two phrases that fit alike make each other doubtful.
5. A phrase of one syllable needs an engine that is sure: 不 is soon written for a 对 that was not understood.
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import pairwise

from acdcore.recognition import english, mandarin
from acdcore.recognition.model import RECOGNISED_MAX, Phrase, RecognisedPhrase

TEXT_MAX = 120
"""Characters that are looked at: an answer of ten seconds has half as many."""
LEAST = 0.3
"""Less confidence is not returned: a phrase that has nothing to do with what was said."""
AROUND = 0.5
"""Rule 2: the share of the phrase in the text counts by this power, and by more where the phrase fits badly."""
DENIED = 0.3
"""Rule 3."""
MARGIN = 0.15
"""Rule 4: so much ahead of the next one, a phrase is not doubtful."""
DOUBTFUL = 0.6
"""Rule 4: what is left of the confidence of two that fit alike."""
SURE = 0.75
"""Rule 5: less certainty lowers the confidence."""
KNOWN_MAX = 4_096
"""Phrases whose sounds are remembered: those of a hundred flows."""
FILLERS_CMN = (
    *(
        "嗯",
        "呃",
        "啊",
        "哦",
        "那个",
        "这个",
        "就是",
        "请",
        "请问",
        "帮我",
        "我要",
        "我想",
        "我想要",
        "想",
        "想找",
        "我需要",
        "找",
        "找一下",
        "转",
        "转到",
    ),
    *(
        "转接",
        "转接到",
        "接",
        "给我",
        "一下",
        "谢谢",
        "吧",
        "呢",
        "吗",
        "了",
        "的",
        "呀",
        "嘛",
        "你好",
        "您好",
        "麻烦",
        "麻烦你",
        "问一下",
        "喂",
    ),
    *("咨询", "办理", "部门", "有事", "有事情", "我有事", "我有事情", "有个事", "要问", "想问", "我要问", "我想问"),
    *("好吗", "可以吗", "行吗", "帮忙", "谢谢你", "谢谢您", "劳驾"),
)
"""Simplified; matched by their sounds."""
FILLERS_EN = frozenset(
    (
        *(
            "uh",
            "um",
            "er",
            "erm",
            "hm",
            "hmm",
            "ah",
            "oh",
            "well",
            "please",
            "the",
            "a",
            "an",
            "i",
            "i'd",
            "i'll",
            "i'm",
        ),
        *(
            "we",
            "would",
            "like",
            "to",
            "want",
            "wanna",
            "need",
            "speak",
            "talk",
            "with",
            "connect",
            "me",
            "put",
            "through",
        ),
        *("can", "could", "you", "hi", "hello", "hey", "thanks", "thank", "it's", "it", "is", "that's", "just", "so"),
        *("for", "my", "your", "department", "line", "have", "got", "question", "about", "there", "help", "kindly"),
    )
)
DENIALS_CMN = ("不", "没", "别", "没有", "不要", "不是")
DENIALS_EN = frozenset(("not", "don't", "no", "never", "isn't", "won't", "doesn't"))
APOLOGY_CMN = "不好意思"
"""Denies nothing, and sounds as if it did."""
CANTONESE = str.maketrans("唔冇咪係嘅搵畀", "不没别是的找给")
"""Characters of Cantonese with the word that means the same in Mandarin: denials and words of politeness are known by
those. Both sides are written so; what they sound like does not matter."""


@dataclass(frozen=True, slots=True)
class PhraseSounds:
    """A text as it sounds."""

    sounds: tuple[str, ...]
    """What is compared, in order."""
    weights: tuple[float, ...]
    """What it costs to leave each of them out."""
    bounds: tuple[int, ...]
    """Positions among the sounds where a word begins, and the end."""
    beats: tuple[float, ...]
    """How much each word says: its syllables, 0 for politeness and hesitation."""
    denials: frozenset[int]
    """Words that deny what comes after them."""


@dataclass(frozen=True, slots=True)
class LanguageMatcher:
    """How one language is compared."""

    sounds_of: Callable[[str], PhraseSounds]
    difference: Callable[[str, str], float]
    is_denied_at_the_end: bool = False
    """Whether the last word may deny what is right before it."""


@dataclass(frozen=True, slots=True)
class Fit:
    """The part of a text that sounds most like a phrase."""

    cost: float
    first: int
    """Its first word."""
    end: int
    """The word after it."""


def choose(text: str, language: str, phrases: Sequence[Phrase], certainty: float = 1.0) -> tuple[RecognisedPhrase, ...]:
    """The phrases that `text` may be, best first; see `Recogniser.recognise`. `certainty` is the engine's."""
    matcher = MATCHERS.get(language, MANDARIN)
    utterance = matcher.sounds_of(text[:TEXT_MAX])
    variants = tuple(dict.fromkeys((utterance, _once(utterance))))
    scores = {phrase.value: 0.0 for phrase in phrases}
    for phrase in phrases:
        best = max(
            (_score(_known(form, language), each, matcher, certainty) for form in phrase.texts for each in variants),
            default=0.0,
        )
        scores[phrase.value] = max(scores[phrase.value], best)
    ranked = sorted(scores.items(), key=lambda each: -each[1])
    return tuple(
        RecognisedPhrase(value, round(confidence, 3), text)
        for value, confidence in _confidences(ranked[:RECOGNISED_MAX])
        if confidence >= LEAST
    )


def _confidences(ranked: Sequence[tuple[str, float]]) -> list[tuple[str, float]]:
    """Rule 4, of scores in falling order."""
    if not ranked:
        return []
    (value, score), *others = ranked
    ahead = score - (others[0][1] if others else 0.0)
    first = score * (DOUBTFUL + (1 - DOUBTFUL) * min(1.0, ahead / MARGIN))
    return [(value, first), *((other, min(its_score * DOUBTFUL, first)) for other, its_score in others)]


def _once(utterance: PhraseSounds) -> PhraseSounds:
    """Who says nothing but "yes, yes" has said yes."""
    words = [utterance.sounds[begin:end] for begin, end in pairwise(utterance.bounds)]
    for length in range(1, len(words) // 2 + 1):
        if len(words) % length == 0 and words == words[:length] * (len(words) // length):
            end = utterance.bounds[length]
            denials = frozenset(place for place in utterance.denials if place < length)
            return PhraseSounds(
                utterance.sounds[:end],
                utterance.weights[:end],
                utterance.bounds[: length + 1],
                utterance.beats[:length],
                denials,
            )
    return utterance


def _score(phrase: PhraseSounds, utterance: PhraseSounds, matcher: LanguageMatcher, certainty: float) -> float:
    """Rules 1 to 3, and 5."""
    whole = sum(phrase.weights)
    if not whole or not utterance.sounds:
        return 0.0
    fit = _best_fit(phrase, utterance, matcher.difference)
    likeness = max(0.0, 1.0 - fit.cost / whole)
    own = max(1.0, len(phrase.bounds) - 1.0, sum(phrase.beats))
    around = sum(utterance.beats[: fit.first]) + sum(utterance.beats[fit.end :])
    score = likeness * math.pow(own / (own + around), AROUND + 1.0 - likeness)
    if own <= 1.0:
        score *= min(1.0, certainty / SURE)
    is_last = matcher.is_denied_at_the_end and fit.end == len(utterance.beats) - 1
    is_denied = fit.first - 1 in utterance.denials or (is_last and fit.end in utterance.denials)
    return score * DENIED if is_denied else score


def _best_fit(phrase: PhraseSounds, utterance: PhraseSounds, difference: Callable[[str, str], float]) -> Fit:
    """Sellers' algorithm (1980): edit distance to any part of the text, here from one word's beginning to another's
    end."""
    never = float("inf")
    at_bound = {position: word for word, position in enumerate(utterance.bounds)}
    row = [(0.0, at_bound[place]) if place in at_bound else (never, 0) for place in range(len(utterance.sounds) + 1)]
    for sound, weight in zip(phrase.sounds, phrase.weights, strict=True):
        above, row = row, [(row[0][0] + weight, row[0][1])]
        for place, heard in enumerate(utterance.sounds):
            swapped = above[place][0] + difference(sound, heard) * max(weight, utterance.weights[place])
            left_out = above[place + 1][0] + weight
            added = row[place][0] + utterance.weights[place]
            least = min(swapped, left_out, added)
            start = above[place][1] if least == swapped else above[place + 1][1] if least == left_out else row[place][1]
            row.append((least, start))
    ends = [Fit(row[position][0], row[position][1], word) for position, word in at_bound.items() if word]
    return min(ends, key=lambda fit: (fit.cost, fit.end - fit.first), default=Fit(never, 0, 0))


# --- languages ---


def _mandarin(text: str) -> PhraseSounds:
    sounds = mandarin.syllables(text.replace(APOLOGY_CMN, " "))
    quiet = _marked(sounds, _filler_sounds())
    denied = _marked(sounds, _denial_sounds())
    count = len(sounds)
    return PhraseSounds(
        sounds,
        (1.0,) * count,
        tuple(range(count + 1)),
        tuple(0.0 if place in quiet else 1.0 for place in range(count)),
        frozenset(denied),
    )


def _cantonese(text: str) -> PhraseSounds:
    return _mandarin(text.translate(CANTONESE))


def _marked(sounds: Sequence[str], groups: frozenset[tuple[str, ...]]) -> set[int]:
    """Positions that belong to one of the groups, longest first."""
    found: set[int] = set()
    longest = max(map(len, groups))
    place = 0
    while place < len(sounds):
        length = next((size for size in range(longest, 0, -1) if tuple(sounds[place : place + size]) in groups), 0)
        found.update(range(place, place + length))
        place += max(1, length)
    return found


@lru_cache(1)
def _filler_sounds() -> frozenset[tuple[str, ...]]:
    return frozenset(map(mandarin.syllables, FILLERS_CMN))


@lru_cache(1)
def _denial_sounds() -> frozenset[tuple[str, ...]]:
    return frozenset(map(mandarin.syllables, DENIALS_CMN))


def _english(text: str) -> PhraseSounds:
    words = english.words(text)
    spoken = [english.sounds(word) for word in words]
    sounds = "".join(spoken)
    bounds = [0]
    for each in spoken:
        bounds.append(bounds[-1] + len(each))
    return PhraseSounds(
        tuple(sounds),
        tuple(map(english.weight, sounds)),
        tuple(bounds),
        tuple(0.0 if word in FILLERS_EN else float(english.beats(word)) for word in words),
        frozenset(place for place, word in enumerate(words) if word in DENIALS_EN),
    )


MANDARIN = LanguageMatcher(_mandarin, mandarin.difference)
MATCHERS = {
    "cmn": MANDARIN,
    "yue": LanguageMatcher(_cantonese, mandarin.difference),
    "en": LanguageMatcher(_english, english.difference, is_denied_at_the_end=True),
}
"""Cantonese is compared as Mandarin is: by characters, whose sounds are kept apart alike in both."""


@lru_cache(KNOWN_MAX)
def _known(form: str, language: str) -> PhraseSounds:
    return MATCHERS.get(language, MANDARIN).sounds_of(form)
