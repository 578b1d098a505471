"""`python -m bench.listening`: how well callers are understood, spoken by Kokoro and heard through G.711 with noise.

Departments, yes and no, and sentences that are neither are said by several voices, made as loud as talkers are, mixed
with noise of the spectrum of speech, and coded. Each goes in frames of 20 ms to the end of speech, and what that cuts
out to the recogniser, one after the other. The last line is JSON.

Thresholds may be set by `--set tuning`. Published figures come from `--set test`, whose voices and sentences were not
used for tuning. `taskset -c 0 python -m bench.listening ...` measures how long one core takes for a decision.
"""

import argparse
import asyncio
import dataclasses
import importlib
import json
import os
import random
import sys
import time
from array import array
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

import numpy
from numpy.typing import NDArray

from acdcore.ivr.audio.resample import Resampler
from acdcore.ivr.audio.wav import read_wav, to_pcm, write_wav
from acdcore.kernel.errors import Unavailable
from acdcore.media.g711 import decode, encode
from acdcore.media.model import EngineCodec
from acdcore.recognition.endpoint import EndOfSpeech, UtteranceEnded
from acdcore.recognition.helper import process_helper
from acdcore.recognition.matching import choose
from acdcore.recognition.model import CONFIDENCE_DEFAULT, TELEPHONE_RATE, Phrase
from acdcore.recognition.pool import HelperPool, PoolSettings
from acdcore.recognition.recogniser import hint
from acdcore.recognition.voice_activity import detectors
from bench import listening_words as words
from bench.daemon import cpu_s

Sound = NDArray[numpy.float64]
"""Samples, 32,768 at full scale."""
SPOKEN = Path("var/listening")
"""The cache of utterances that Kokoro has spoken."""
SPEECH_DBFS = -24.0
"""Level of the words; ITU-T P.56 levels of telephone speech are near it."""
BEFORE_S, AFTER_S = 0.6, 1.6
"""Noise alone around the words."""
FRAME = 320
"""Octets of 20 ms."""
WITHIN_S = 10.0
CLEAN = 60
"""Signal to noise in dB where there is next to none."""
SPEECH_FLOOR = 0.02
"""Share of the peak: softer sound at the ends of a spoken text is cut off, so that its end is known."""


@dataclass(frozen=True, slots=True)
class Utterance:
    """One text, said by one voice."""

    language: str
    kind: str
    """departments, yes_no or other."""
    wanted: str
    """The value of its phrase; empty where none fits."""
    text: str
    voice: str


@dataclass(frozen=True, slots=True)
class Result:
    """The result of one utterance."""

    utterance: Utterance
    snr_db: int
    cut: bool
    """Whether the end of speech was found at all."""
    delay_s: float
    """From the last word to the end of speech."""
    took_s: float
    """From the end of speech to the decision."""
    worked_s: float
    """Processor time of the helper process for it: what one core would take on a machine that does nothing else."""
    detecting_s: float
    """Processor time of the end of speech, a second of sound."""
    text: str
    found: tuple[tuple[str, float], ...]


def utterances(name: str, rounds: int) -> Iterator[Utterance]:
    """All utterances of a set, each spoken `rounds` times by different voices."""
    for language, departments, yes_no in (
        ("cmn", words.DEPARTMENTS_CMN, words.YES_NO_CMN),
        ("en", words.DEPARTMENTS_EN, words.YES_NO_EN),
    ):
        cast = words.CASTS[name][language]
        carriers, voices = cast.carriers, cast.voices
        for turn in range(rounds):
            for place, phrase in enumerate(departments):
                text = carriers[(turn + place) % len(carriers)].format(phrase.texts[turn % len(phrase.texts)])
                yield Utterance(language, "departments", phrase.value, text, voices[(turn + place) % len(voices)])
            answers = [(phrase.value, text) for phrase in yes_no for text in phrase.texts]
            for place, (value, text) in enumerate(answers):
                yield Utterance(language, "yes_no", value, f"{text}.", voices[(turn + place) % len(voices)])
            for place, text in enumerate(cast.others[turn % 2 :: 2]):
                yield Utterance(language, "other", "", f"{text}.", voices[(turn + place) % len(voices)])


def file_of(utterance: Utterance, directory: Path) -> Path:
    """The file of its sound in the cache."""
    name = f"{utterance.language}:{utterance.voice}:{utterance.text}"
    return directory / f"{sha256(name.encode()).hexdigest()[:20]}.wav"


def speak(wanted: Sequence[Utterance], directory: Path, voices: Path) -> None:
    """Have Kokoro speak what is not in the cache."""
    missing = [each for each in wanted if not file_of(each, directory).exists()]
    if not missing:
        return
    directory.mkdir(parents=True, exist_ok=True)
    # its packages are needed only for speaking
    kokoro = importlib.import_module("acdcore.ivr.tts.kokoro").open_kokoro()
    resampler = Resampler(kokoro.rate)
    for place, each in enumerate(missing):
        if place % 25 == 0:
            print(f"spoken: {place} of {len(missing)}", file=sys.stderr, flush=True)
        samples = kokoro.speak(str(voices / f"{each.voice}.bin"), 1.0, each.language, each.text)
        file_of(each, directory).write_bytes(write_wav(to_pcm(resampler.convert(samples)), TELEPHONE_RATE))


def trimmed(samples: Sound) -> Sound:
    """Without what is not a word at either end."""
    loud = numpy.flatnonzero(abs(samples) > SPEECH_FLOOR * abs(samples).max())
    return samples[loud[0] : loud[-1] + 1]


def noise_like(speech: Sound, seed: int) -> Sound:
    """Ten seconds of noise with the spectrum of `speech`."""
    length = 10 * TELEPHONE_RATE
    spectrum = abs(numpy.fft.rfft(numpy.resize(speech, length)))
    smooth = numpy.convolve(spectrum, numpy.ones(400) / 400, mode="same")
    phases = numpy.random.default_rng(seed).uniform(0, 2 * numpy.pi, len(smooth))
    noise: Sound = numpy.fft.irfft(smooth * numpy.exp(1j * phases), length)
    return noise / float(numpy.sqrt((noise**2).mean()))


def heard(speech: Sound, noise: Sound, snr_db: int, seed: int) -> tuple[bytes, float]:
    """What arrives (16 bit, 8 kHz) and where in it the words end, in seconds."""
    level = 32_768 * 10 ** (SPEECH_DBFS / 20)
    said = trimmed(speech)
    said = said / numpy.sqrt((said**2).mean()) * level
    before, after = round(BEFORE_S * TELEPHONE_RATE), round(AFTER_S * TELEPHONE_RATE)
    whole = numpy.concatenate([numpy.zeros(before), said, numpy.zeros(after)])
    start = random.Random(seed).randrange(len(noise))
    whole += numpy.resize(numpy.roll(noise, -start), len(whole)) * level * 10 ** (-snr_db / 20)
    pcm = to_pcm(array("h", numpy.clip(whole, -32_768, 32_767).astype("int16").tobytes()))
    return decode(encode(pcm, EngineCodec.PCMA), EngineCodec.PCMA), (before + len(said)) / TELEPHONE_RATE


def phrases(utterance: Utterance) -> tuple[tuple[Phrase, ...], ...]:
    """What is listened for: of words that are neither, both sets."""
    departments = words.DEPARTMENTS_CMN if utterance.language == "cmn" else words.DEPARTMENTS_EN
    yes_no = words.YES_NO_CMN if utterance.language == "cmn" else words.YES_NO_EN
    both = {"departments": (departments,), "yes_no": (yes_no,), "other": (departments, yes_no)}
    return both[utterance.kind]


def cut(pcm: bytes) -> tuple[UtteranceEnded | None, float]:
    """The end of speech in it, and the processor time of a second of sound."""
    ear = EndOfSpeech(detectors().take())
    began, at, found = time.process_time(), 0, None
    while at < len(pcm) and found is None:
        fact = ear.hear(pcm[at : at + FRAME], (at + FRAME) / 16_000)
        at += FRAME
        found = fact if isinstance(fact, UtteranceEnded) else None
    return found, (time.process_time() - began) / (at / 16_000)


def helpers_s() -> float:
    """Processor time of our child processes so far, in steps of 10 ms."""
    children = Path(f"/proc/self/task/{os.getpid()}/children").read_text()
    return sum(cpu_s(int(pid)) for pid in children.split())


async def listen(pool: HelperPool, utterance: Utterance, pcm: bytes, end_s: float, snr_db: int) -> Iterator[Result]:
    """Each set of phrases that is listened for."""
    results = []
    for asked in phrases(utterance):
        ended, detecting_s = cut(pcm)
        if ended is None:
            results.append(Result(utterance, snr_db, False, 0.0, 0.0, 0.0, detecting_s, "", ()))
            continue
        began, worked_before_s = time.perf_counter(), helpers_s()
        try:
            transcript = await pool.transcribe(ended.pcm, utterance.language, hint(asked, utterance.language), WITHIN_S)
        except Unavailable as error:
            sys.exit(str(error))
        found = choose(transcript.text, utterance.language, asked, transcript.certainty)
        took_s = time.perf_counter() - began
        best = tuple((each.value, each.confidence) for each in found)
        worked_s = helpers_s() - worked_before_s
        delay_s = ended.at - end_s
        results.append(Result(utterance, snr_db, True, delay_s, took_s, worked_s, detecting_s, transcript.text, best))
    return iter(results)


@dataclass(frozen=True, slots=True)
class Times:
    """Of several answers, in seconds."""

    median: float
    p95: float
    longest: float

    @classmethod
    def of(cls, taken: Sequence[float]) -> "Times":
        """Zeros where there is none."""
        ordered = sorted(taken) or [0.0]
        at = [ordered[len(ordered) // 2], ordered[int(0.95 * (len(ordered) - 1))], ordered[-1]]
        return cls(*(round(each, 2) for each in at))

    def __str__(self) -> str:
        return f"{self.median:.2f} {self.p95:.2f} {self.longest:.2f}"


def row(name: str, results: Sequence[Result]) -> dict[str, object]:
    """Figures of some results."""
    accepted = [each for each in results if each.found and each.found[0][1] >= CONFIDENCE_DEFAULT]
    right = sum(each.found[0][0] == each.utterance.wanted for each in accepted)
    count = len(results)
    took = Times.of([each.took_s for each in results if each.cut])
    worked = Times.of([each.worked_s for each in results if each.cut])
    waited = Times.of([each.delay_s + each.took_s for each in results if each.cut])
    return {
        "what": name,
        "said": count,
        "right": round(100 * right / count, 1),
        "wrong": round(100 * (len(accepted) - right) / count, 1),
        "asked again": round(100 * (count - len(accepted)) / count, 1),
        "after the end of speech, s": str(took),
        "of it processor time, s": str(worked),
        "after the last word, s": str(waited),
    }


def table(results: Sequence[Result]) -> list[dict[str, object]]:
    """A row for each language, kind and noise."""
    keys = sorted({(r.utterance.language, r.utterance.kind, -r.snr_db) for r in results})
    return [
        row(
            f"{language}, {kind}, {'no noise' if -snr == CLEAN else f'{-snr} dB'}",
            [r for r in results if (r.utterance.language, r.utterance.kind, -r.snr_db) == (language, kind, snr)],
        )
        for language, kind, snr in keys
    ]


async def measure(options: argparse.Namespace) -> list[Result]:
    """Say and hear everything."""
    wanted = [
        each
        for each in utterances(options.set, options.rounds)
        if f"{each.language}:{each.kind}".startswith(options.only)
    ]
    wanted = wanted[:: options.every]
    speak(wanted, options.spoken, options.kokoro_voices)
    sounds = {
        each: numpy.array(read_wav(file_of(each, options.spoken).read_bytes()).samples, dtype=float) for each in wanted
    }
    noise = noise_like(numpy.concatenate([trimmed(sound) for sound in list(sounds.values())[::5]]), 1)
    results: list[Result] = []
    pool = HelperPool(process_helper(), PoolSettings(processes=1))
    async with pool.running():
        await pool.transcribe(bytes(16_000), "en", "", 120.0)  # until the model is loaded
        for place, (each, sound) in enumerate(sounds.items()):
            for snr_db in options.snr:
                pcm, end_s = heard(sound, noise, snr_db, place)
                results += await listen(pool, each, pcm, end_s, snr_db)
            if place % 25 == 0:
                print(f"heard: {place} of {len(sounds)}", file=sys.stderr, flush=True)
    return results


def main() -> None:
    """Print the table and the line of JSON."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--set", choices=words.CASTS, default="test", help="whose voices (default test)")
    parser.add_argument("--rounds", type=int, default=2, help="how often each is said, by different voices")
    parser.add_argument("--every", type=int, default=1, help="only every so many utterances")
    parser.add_argument("--only", default="", help="such as cmn, en:yes_no")
    parser.add_argument("--snr", type=int, nargs="+", default=[CLEAN, 20, 15, 10], help="signal to noise, dB")
    parser.add_argument("--spoken", type=Path, default=SPOKEN, help="where spoken words are kept")
    parser.add_argument("--kokoro-voices", type=Path, required=True, help="the directory of Kokoro's voices (*.bin)")
    parser.add_argument("--all", type=Path, help="write each result there, a line of JSON each")
    options = parser.parse_args()
    results = asyncio.run(measure(options))
    if options.all:
        lines = [
            json.dumps(
                [*dataclasses.astuple(r.utterance), r.snr_db, r.cut, r.delay_s, r.took_s, r.worked_s, r.text, r.found],
                ensure_ascii=False,
            )
            for r in results
        ]
        options.all.write_text("\n".join(lines) + "\n")
    rows = [*table(results), row("all", results)]
    print("times: median, 95 of 100, longest")
    print(" | ".join(rows[0]))
    for each in rows:
        print(" | ".join(map(str, each.values())))
    spent = os.times()
    detecting = sum(r.detecting_s for r in results) / len(results)
    figures = {
        "bench": "listening",
        "set": options.set,
        "cores": len(os.sched_getaffinity(0)),
        "load_average": round(os.getloadavg()[0], 2),
        "utterances": len(results),
        "processor_s_each": round((spent.children_user + spent.children_system) / len(results), 3),
        "end_of_speech_ms_a_second": round(1000 * detecting, 2),
    }
    print(json.dumps({**figures, "rows": rows}))


if __name__ == "__main__":
    main()
