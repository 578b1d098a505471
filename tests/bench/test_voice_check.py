"""What the check of the voice reports, and when it fails."""

import json
from collections import Counter
from pathlib import Path

import pytest
from bench.misheard import Misheard, compare
from bench.prompt_voice import PromptVoice, Sort, Utterance, at_the_phone
from bench.spoken_values import COUNTS, Value, ValueKind, values
from bench.transcriber import Attempt, RememberingEars, figures_in, settled
from bench.voice_check import WORST, Verdict, figures_of, json_of, worst_of

from acdcore.ivr.model.flow import Language
from acdcore.ivr.model.kinds import ReadAs
from acdcore.ivr.reading.announcements import speak_digits
from acdcore.ivr.reading.values import spoken_value


def verdict(name: str, edits: int, units: int, sort: Sort = Sort.SENTENCE) -> Verdict:
    return Verdict(Utterance(name, sort, "said", b""), "heard", Misheard(edits, units, edits))


class Deaf:
    """Hears the same in everything, and counts how often it is asked."""

    def __init__(self) -> None:
        self.asked = 0

    def heard(self, pcm: bytes, rate: int, language: Language) -> str:
        self.asked += 1
        return f"{len(pcm)} in {language.value}"


@pytest.mark.parametrize(("edits", "is_kept"), [(2, True), (3, False)])
def test_limit_is_for_all_sentences_together(edits: int, is_kept: bool) -> None:
    (figures,) = figures_of([verdict("one", edits, 10), verdict("other", 0, 90)], Language.MANDARIN)
    assert (figures.right, figures.misheard.share, figures.is_kept) == (1, edits / 100, is_kept)


def test_fragments_are_counted_beside_and_have_no_limit() -> None:
    heard = [verdict("a", 0, 4), verdict("b", 9, 9, Sort.FRAGMENT)]
    sentences, fragments = figures_of(heard, Language.ENGLISH)
    assert (sentences.misheard.edits, fragments.misheard.edits) == (0, 9)
    assert sentences.is_kept and fragments.is_kept


def test_worst_are_told_first_and_twenty_at_most() -> None:
    heard = [verdict(f"{edits:02}", edits, 30) for edits in range(26)]
    told = worst_of([*heard, verdict("fragment", 30, 30, Sort.FRAGMENT)])
    assert [each.misheard.edits for each in told] == list(range(25, 25 - WORST, -1))


def test_json_has_every_figure_and_what_was_heard() -> None:
    heard = [verdict("a", 1, 4)]
    told = json.loads(json_of(figures_of(heard, Language.ENGLISH), heard))
    assert told["figures"][0]["share"] == 0.25
    assert told["heard"][0] == {
        "name": "a", "sort": "sentence", "said": "said", "heard": "heard", "edits": 1, "units": 4,
    }  # fmt: skip


def test_there_are_two_hundred_values_of_all_kinds_and_the_same_in_each_run() -> None:
    assert len(values()) == 200
    assert Counter(value.kind for value in values()) == COUNTS
    assert set(COUNTS) == set(ValueKind)
    assert values() == values()


def test_sound_that_was_heard_before_is_not_listened_to_again(tmp_path: Path) -> None:
    deaf = Deaf()
    for _ in range(2):
        ears = RememberingEars(deaf, tmp_path / "heard.json")
        assert ears.heard(b"ab", 8_000, Language.ENGLISH) == "2 in en"
    assert ears.heard(b"ab", 8_000, Language.MANDARIN) == "2 in cmn"
    assert deaf.asked == 2


def test_examples_are_listened_to_as_well(tmp_path: Path) -> None:
    names = {key.name for key, _ in PromptVoice(tmp_path).prompts(Language.MANDARIN)}
    assert {"hotline.greeting", "departments.which", "order-status.again", "system.goodbye"} <= names


@pytest.mark.parametrize("language", [Language.MANDARIN, Language.ENGLISH])
def test_spliced_values_say_the_same_in_the_words_that_come_along(language: Language, tmp_path: Path) -> None:
    house = PromptVoice(tmp_path)
    spliced = {each.name: each for each in house.spliced(values(), language)}
    without = {ValueKind.POSITION, ValueKind.WAIT, ValueKind.PLATE}
    assert set(spliced) == {f"{each.kind} {each.written}" for each in values() if each.kind not in without}
    hotline = spliced[f"{ValueKind.TELEPHONE} 95500"]
    assert compare(spoken_value("95500", ReadAs.DIGITS, language), hotline.said, language).edits == 0
    assert hotline.pcm == at_the_phone(b"".join(map(house.sound, speak_digits("95500", language))))
    (agent,) = house.spliced([Value(ValueKind.AGENT, "2077")], language)
    assert hotline.said.split()[-1] in agent.said and len(agent.said.split()) > 4


LOOP = "1561025251615151" + "61515151" * 20


def test_recogniser_that_repeats_itself_is_asked_again() -> None:
    asked = iter([Attempt(LOOP, -0.1), Attempt("15610252516", -0.6), Attempt("never", -0.1)])
    assert settled(asked) == "15610252516"
    assert next(asked).text == "never", "nothing is asked once there is an answer"


def test_first_answer_stands_where_nothing_speaks_against_it() -> None:
    assert settled([Attempt("八八八八八", -0.9), Attempt("京A88888", -0.1)]) == "八八八八八"


def test_surest_answer_stands_where_none_can_be_relied_on() -> None:
    assert settled([Attempt(LOOP, -0.1), Attempt("一五六", -2.0), Attempt("一五", -1.5)]) == "一五"
    assert settled([Attempt(LOOP, -0.2), Attempt(LOOP + "5151", -0.1)]).endswith("5151")


class Spelling:
    """A recogniser's tokens."""

    eot = 6

    def decode(self, tokens: list[int]) -> str:
        return "".join(("四", " four", "4", " 2026", "%", "US$", "<end>")[token] for token in tokens)


def test_recogniser_writes_numbers_in_words() -> None:
    assert figures_in(Spelling()) == [2, 3, 4, 5]
