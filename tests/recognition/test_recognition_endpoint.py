"""The end of speech in virtual time: windows of speech and silence as letters, the probability as a table."""

from dataclasses import dataclass

import pytest

from acdcore.recognition.endpoint import (
    LATE_S,
    WINDOW_OCTETS,
    WINDOW_S,
    EndOfSpeech,
    EndOfSpeechSettings,
    UtteranceBegan,
    UtteranceEnded,
    UtteranceEvent,
    UtteranceTooLong,
)

SETTINGS = EndOfSpeechSettings()
SOFT = {0: 0.0, 1: 0.45, 2: 0.9, 3: float("nan")}
"""The probability that a window is speech stands in its octets: silence, softly, loudly, no number."""
FRAME_S = 0.02


def windows(kind: int, length_s: float) -> bytes:
    return bytes([kind]) * (WINDOW_OCTETS * round(length_s / WINDOW_S))


SILENCE, SOFTLY, SPEECH, NONSENSE = 0, 1, 2, 3


@dataclass
class Listener:
    """Hears sound in frames of 20 ms, as a call has them."""

    ear: EndOfSpeech
    now: float = 100.0

    def hear(self, sound: bytes) -> list[UtteranceEvent]:
        facts = []
        for at in range(0, len(sound), 320):
            frame = sound[at : at + 320]
            self.now += len(frame) / 16_000
            facts += [fact for fact in [self.ear.hear(frame, self.now)] if fact]
        return facts


def listener(settings: EndOfSpeechSettings = SETTINGS) -> Listener:
    return Listener(EndOfSpeech(lambda window: SOFT[window[0]], settings))


def test_a_word_begins_and_ends_after_the_silence_and_not_before() -> None:
    facts = listener().hear(windows(SILENCE, 1.0) + windows(SPEECH, 0.6) + windows(SILENCE, 2.0))
    began, ended = facts
    assert isinstance(began, UtteranceBegan) and isinstance(ended, UtteranceEnded)
    assert began.at == pytest.approx(101.0 + SETTINGS.shortest_s, abs=0.06)
    assert ended.at == pytest.approx(101.6 + SETTINGS.silence_s, abs=0.06)


def test_what_was_said_has_its_lead_and_its_tail_and_no_more() -> None:
    _, ended = listener().hear(windows(SILENCE, 3.0) + windows(SPEECH, 0.6) + windows(SILENCE, 2.0))
    assert isinstance(ended, UtteranceEnded)
    lead, tail = (round(length_s * 16_000) for length_s in (SETTINGS.lead_s, SETTINGS.tail_s))
    assert ended.pcm == bytes(lead) + windows(SPEECH, 0.6) + bytes(tail)


def test_a_word_that_begins_with_the_first_frame_is_whole() -> None:
    _, ended = listener().hear(windows(SPEECH, 0.6) + windows(SILENCE, 2.0))
    assert isinstance(ended, UtteranceEnded)
    assert ended.pcm.startswith(windows(SPEECH, 0.6))


@pytest.mark.parametrize("pause_s", [0.1, 0.3, 0.5])
def test_a_pause_between_two_words_ends_nothing(pause_s: float) -> None:
    word = windows(SPEECH, 0.4)
    facts = listener().hear(word + windows(SILENCE, pause_s) + word + windows(SILENCE, 2.0))
    assert [type(fact) for fact in facts] == [UtteranceBegan, UtteranceEnded]
    assert isinstance(facts[1], UtteranceEnded)
    assert facts[1].pcm.count(bytes([SPEECH])) == 2 * len(word)


def test_clicks_are_no_speech_however_many_there_are() -> None:
    click = windows(SPEECH, 0.064) + windows(SILENCE, 0.4)
    assert listener().hear(click * 50) == []


def test_two_short_syllables_with_a_stop_between_are_a_word() -> None:
    syllable = windows(SPEECH, 0.096)
    facts = listener().hear(syllable + windows(SILENCE, 0.128) + syllable + windows(SILENCE, 2.0))
    assert [type(fact) for fact in facts] == [UtteranceBegan, UtteranceEnded]


def test_a_soft_sound_begins_nothing_but_carries_a_word_on() -> None:
    assert listener().hear(windows(SOFTLY, 5.0)) == []
    _, ended = listener().hear(windows(SPEECH, 0.4) + windows(SOFTLY, 1.0) + windows(SILENCE, 2.0))
    assert isinstance(ended, UtteranceEnded)
    assert ended.pcm.count(bytes([SOFTLY])) == len(windows(SOFTLY, 1.0))


def test_a_talk_in_the_room_is_cut_off() -> None:
    facts = listener().hear(windows(SPEECH, 60.0))
    assert [type(fact) for fact in facts] == [UtteranceBegan, UtteranceTooLong]
    assert isinstance(facts[1], UtteranceTooLong)
    assert len(facts[1].pcm) == pytest.approx(SETTINGS.longest_s * 16_000, abs=WINDOW_OCTETS)


def test_nothing_is_told_after_the_end() -> None:
    heard = listener()
    heard.hear(windows(SPEECH, 0.6) + windows(SILENCE, 2.0))
    assert heard.hear(windows(SPEECH, 2.0) + windows(SILENCE, 2.0)) == []
    assert heard.ear.next_deadline() is None


def test_speech_is_over_when_a_phone_stops_sending_in_silence() -> None:
    heard = listener()
    heard.hear(windows(SPEECH, 0.6))
    deadline = heard.ear.next_deadline()
    assert deadline == pytest.approx(heard.now + SETTINGS.silence_s + LATE_S)
    assert deadline is not None
    assert heard.ear.hear(b"", deadline - 0.01) is None
    assert isinstance(heard.ear.hear(b"", deadline), UtteranceEnded)


def test_frames_that_were_held_up_end_nothing() -> None:
    heard = listener()
    heard.hear(windows(SPEECH, 0.4))
    heard.now += SETTINGS.silence_s
    assert heard.hear(windows(SPEECH, 0.4)) == []


def test_nobody_has_a_deadline_before_somebody_speaks() -> None:
    heard = listener()
    heard.hear(windows(SILENCE, 5.0))
    assert heard.ear.next_deadline() is None


@pytest.mark.parametrize("size", [1, 2, 160, 319, 4_000, 100_000])
def test_frames_of_any_size_tell_the_same(size: int) -> None:
    sound = windows(SILENCE, 1.0) + windows(SPEECH, 0.6) + windows(SILENCE, 2.0)
    ear = EndOfSpeech(lambda window: SOFT[window[0]], SETTINGS)
    facts = [ear.hear(sound[at : at + size], 1.0 + at / 16_000) for at in range(0, len(sound), size)]
    facts += [ear.hear(b"", 1.0), ear.hear(b"", 1.0)]
    ended = [fact for fact in facts if isinstance(fact, UtteranceEnded)]
    assert len(ended) == 1
    assert ended[0].pcm.count(bytes([SPEECH])) == len(windows(SPEECH, 0.6))


def test_a_probability_that_is_no_number_is_no_speech() -> None:
    assert listener().hear(windows(NONSENSE, 5.0)) == []
