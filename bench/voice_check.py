"""`python -m bench.voice_check`: how well acdcore's voice is understood at the other end of a telephone line.

Every prompt that the shipped configuration speaks, and two hundred values read aloud, are made as the daemon makes
them, sent through G.711 A-law as to a phone, and written down by a recogniser; what it wrote is compared with what was
to be said (`bench/misheard.py` has the rules). The exit status is 1 when more was misunderstood than the limits allow.
"""

import argparse
import json
import os
import sys
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from rich.console import Console
from rich.table import Table

from acdcore.ivr.model.flow import Language
from acdcore.ivr.tts.voices import SpeechEngine
from bench.daemon import ROOT
from bench.misheard import NOTHING, Misheard, compare
from bench.prompt_voice import PromptVoice, Sort, Utterance
from bench.spoken_values import values
from bench.studio import STUDIO_RATE, Studio
from bench.transcriber import WINDOW_S, Ears, RememberingEars, Transcriber

PHONE_RATE = 8_000
WORST = 20
LANGUAGES = {"cmn": Language.MANDARIN, "en": Language.ENGLISH}
LIMITS = {
    (Language.MANDARIN, Sort.SENTENCE): 0.03,
    (Language.MANDARIN, Sort.VALUE): 0.06,
    (Language.ENGLISH, Sort.SENTENCE): 0.05,
    (Language.ENGLISH, Sort.VALUE): 0.06,
}
"""The largest share of syllables (Mandarin) or words (English) that may be misunderstood. Fragments have none."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """What was understood of one utterance."""

    utterance: Utterance
    heard: str
    misheard: Misheard


@dataclass(frozen=True, slots=True)
class Figures:
    """What was understood of all utterances of a kind."""

    language: Language
    sort: Sort
    utterances: int
    right: int
    """Of them, those without an error."""
    misheard: Misheard
    """All together."""

    @property
    def limit(self) -> float | None:
        """The largest share that is allowed."""
        return LIMITS.get((self.language, self.sort))

    @property
    def is_kept(self) -> bool:
        """Whether the share is within its limit."""
        return self.limit is None or self.misheard.share < self.limit


def listen(
    ears: Ears, utterances: Sequence[Utterance], language: Language, console: Console, studio: Studio | None = None
) -> list[Verdict]:
    """Have everything written down, and compare; with `studio`, as it sounds before the telephone."""
    verdicts: list[Verdict] = []
    for number, utterance in enumerate(utterances, 1):
        if studio is None:
            heard = ears.heard(utterance.pcm, PHONE_RATE, language)
        else:
            heard = ears.heard(studio.pcm(utterance.said, language), STUDIO_RATE, language)
        verdicts.append(Verdict(utterance, heard, compare(utterance.said, heard, language)))
        if number % 50 == 0 or number == len(utterances):
            console.print(f"voice-check: {language.value}: {number} of {len(utterances)} heard", highlight=False)
    return verdicts


def figures_of(verdicts: Iterable[Verdict], language: Language) -> list[Figures]:
    """One row for each sort that was heard."""
    rows: list[Figures] = []
    heard = list(verdicts)
    for sort in Sort:
        those = [verdict.misheard for verdict in heard if verdict.utterance.sort is sort]
        if those:
            right = sum(each.edits == 0 for each in those)
            rows.append(Figures(language, sort, len(those), right, sum(those, NOTHING)))
    return rows


def worst_of(verdicts: Iterable[Verdict]) -> list[Verdict]:
    """The worst of those that have a limit, the most errors first."""
    wrong = [each for each in verdicts if each.misheard.edits and each.utterance.sort is not Sort.FRAGMENT]
    return sorted(wrong, key=lambda each: (-each.misheard.edits, each.utterance.name))[:WORST]


def spoken_so_far(console: Console) -> Callable[[int, int], None]:
    """Tells how many texts have been spoken, now and then."""

    def tell(done: int, total: int) -> None:
        if done % 25 == 0 or done == total:
            console.print(f"voice-check: {done} of {total} spoken", highlight=False)

    return tell


# --- told ------------------------------------------------------------------------------------------------------


def table_of(rows: Iterable[Figures]) -> Table:
    """The figures for a terminal."""
    table = Table(title="how much is misunderstood over a telephone")
    for heading in ("language", "of", "heard", "all right", "wrong", "limit", "tones too"):
        table.add_column(heading, justify="left" if heading in ("language", "of") else "right")
    for row in rows:
        limit = "" if row.limit is None else f"{100 * row.limit:.0f} %{'' if row.is_kept else ' !'}"
        toned = f"{100 * row.misheard.toned_share:.1f} %" if row.language is Language.MANDARIN else ""
        told = (str(row.utterances), str(row.right), f"{100 * row.misheard.share:.1f} %", limit, toned)
        table.add_row(row.language.value, f"{row.sort.value}s", *told)
    return table


def json_of(rows: Iterable[Figures], verdicts: Iterable[Verdict]) -> str:
    """The same with every utterance, for programs."""
    return json.dumps(
        {
            "figures": [
                {
                    "language": row.language.value,
                    "sort": row.sort.value,
                    "utterances": row.utterances,
                    "right": row.right,
                    "units": row.misheard.units,
                    "share": round(row.misheard.share, 4),
                    "toned_share": round(row.misheard.toned_share, 4),
                    "limit": row.limit,
                    "is_kept": row.is_kept,
                }
                for row in rows
            ],
            "heard": [
                {
                    "name": each.utterance.name,
                    "sort": each.utterance.sort.value,
                    "said": each.utterance.said,
                    "heard": each.heard,
                    "edits": each.misheard.edits,
                    "units": each.misheard.units,
                }
                for each in verdicts
            ],
        },
        ensure_ascii=False,
    )


def arguments(argv: Sequence[str] | None = None) -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(prog="python -m bench.voice_check", description=__doc__.partition("\n")[0])
    parser.add_argument("--language", choices=sorted(LANGUAGES), help="only this one")
    parser.add_argument("--only", choices=[sort.value for sort in Sort], help="only these")
    parser.add_argument("--engine", choices=["kokoro", "espeak"], help="instead of what the settings choose")
    parser.add_argument("--spliced", action="store_true", help="values in single words, as without the natural voice")
    parser.add_argument("--every", type=int, default=1, help="a sample: only each so-and-so-manieth")
    parser.add_argument("--studio", action="store_true", help="at 24 kHz, before the telephone: the recogniser's own")
    parser.add_argument("--threads", type=int, default=1, help="of the recogniser")
    parser.add_argument(
        "--window", type=int, default=WINDOW_S, help="seconds that the recogniser looks at: 8 is quicker"
    )
    parser.add_argument(
        "--directory",
        type=Path,
        default=ROOT / "var" / "voice-check",
        help="keeps what was spoken and heard: the next run does only what has changed",
    )
    parser.add_argument("--json", action="store_true", help="everything that was heard, to standard output")
    return parser.parse_args(argv)


def main() -> int:
    """Listen to everything; the exit status."""
    wanted = arguments()
    console = Console(stderr=True)
    os.environ.setdefault("OMP_NUM_THREADS", str(wanted.threads))
    wanted.directory.mkdir(parents=True, exist_ok=True)
    ears = RememberingEars(Transcriber(wanted.threads, wanted.window), wanted.directory / f"heard-{wanted.window}.json")
    studio = Studio() if wanted.studio else None
    rows: list[Figures] = []
    everything: list[Verdict] = []
    engine = None if wanted.engine is None else SpeechEngine(wanted.engine)
    voice = PromptVoice(wanted.directory / "prompts", engine, spoken_so_far(console))
    for language in [LANGUAGES[wanted.language]] if wanted.language else LANGUAGES.values():
        prompts = [each for each in voice.prompts(language) if wanted.only in (None, each[1].value)]
        read = values()[:: wanted.every] if wanted.only in (None, Sort.VALUE.value) else ()
        spoken = voice.spliced(read, language) if wanted.spliced else voice.values(read, language)
        chosen = [*voice.utterances(prompts[:: wanted.every]), *spoken]
        verdicts = listen(ears, chosen, language, console, studio)
        rows += figures_of(verdicts, language)
        everything += verdicts
    for each in worst_of(everything):
        console.print(f"  {each.utterance.name}: {each.utterance.said!r} heard as {each.heard!r}", highlight=False)
    console.print(table_of(rows))
    if wanted.json:
        print(json_of(rows, everything))
    return 0 if all(row.is_kept for row in rows) else 1


if __name__ == "__main__":
    sys.exit(main())
