"""`python -m bench.standard_prompts`: make the shipped audio, `src/acdcore/ivr/prompts/standard/`.

It reads aloud all texts that a fresh installation may play: acdcore's own prompts, those of the shipped flows and of
the examples, and the queues' names, each by the best shipped voice. Audio that is in the packs already is kept, and
audio that is no longer used is removed. `--anew` keeps nothing of the present packs. `--check` only says what is
missing, with status 1 if anything is.
"""

import argparse
import contextlib
import sys
import time
import zipfile
from collections.abc import Iterable, Mapping
from pathlib import Path

from acdcore.configuration.settings import load
from acdcore.configuration.snapshot import read_snapshot
from acdcore.ivr.audio.wav import from_pcm, mu_law
from acdcore.ivr.checks.check import FlowReferences
from acdcore.ivr.files.flows import read_flows
from acdcore.ivr.model.flow import Language, PromptRequest, Text
from acdcore.ivr.prompts.render import flow_requests
from acdcore.ivr.prompts.shelf import SpeechStore, SpeechText
from acdcore.ivr.prompts.standard_pack import STANDARD, StandardPack, file_of
from acdcore.ivr.tts.cache import PromptCache
from acdcore.ivr.tts.engines import TtsEngines, voices_ahead
from acdcore.ivr.tts.voices import CHOSEN, VoiceSettings

CONFIG = Path(__file__).parents[1] / "config"
WORK = Path("var/standard-prompts")
"""Where texts that have been read lie until all are: a run that was interrupted is taken up."""
STAMP = (1980, 1, 1, 0, 0, 0)
"""Of every member: the same sounds make the same file."""


def standard_requests(config: Path = CONFIG) -> tuple[PromptRequest, ...]:
    """Every prompt that comes along."""
    snapshot, _ = read_snapshot(load(config / "acdcore.toml", {}), config / "acdcore.toml")
    examples = read_flows(config / "ivr" / "examples", FlowReferences(None))
    return (*snapshot.prompts, *(one for flow in examples.flows.values() for one in flow_requests(flow)))


def standard_texts(requests: Iterable[PromptRequest]) -> dict[Language, dict[str, SpeechText]]:
    """What is to be in the packs, by the name of its file."""
    texts: dict[Language, dict[str, SpeechText]] = {language: {} for language in Language}
    for request in requests:
        if isinstance(request.source, Text):
            language = request.key.language
            spoken = SpeechText.of(request.source.text, language, CHOSEN[language])
            texts[language][spoken.name] = spoken
    return texts


def missing(texts: Mapping[Language, Mapping[str, SpeechText]], pack: StandardPack) -> list[SpeechText]:
    """What is not in the packs."""
    return [spoken for each in texts.values() for name, spoken in each.items() if not pack.has(spoken.language, name)]


def read_aloud(wanted: list[SpeechText], shelf: SpeechStore, voices: TtsEngines) -> None:
    """Make what is missing, telling how far it is. Raises Unavailable."""
    began, done = time.monotonic(), 0

    def one_read() -> None:
        nonlocal done
        done += 1
        if done % 25 == 0 or done == len(wanted):
            print(f"{done} of {len(wanted)} texts, {time.monotonic() - began:.0f} s", flush=True)

    voices.read([shelf.reading(spoken) for spoken in wanted], one_read)


def write_pack(directory: Path, language: Language, texts: Mapping[str, SpeechText], shelf: SpeechStore) -> None:
    """A language's zip, anew, out of the former one and the cache."""
    sounds = {name: shelf.pcm(spoken) for name, spoken in sorted(texts.items())}
    part = file_of(directory, language).with_suffix(".part")
    with zipfile.ZipFile(part, "w", zipfile.ZIP_DEFLATED, compresslevel=9) as packed:
        for name, pcm in sounds.items():
            if pcm is None:
                raise SystemExit(f"{texts[name].text!r} gave no sound")
            packed.writestr(zipfile.ZipInfo(name, STAMP), compressed(pcm), zipfile.ZIP_DEFLATED, 9)
    part.replace(file_of(directory, language))


def compressed(pcm: bytes) -> bytes:
    """PCM (16 bit little-endian) as mu-law, each sample by the nearest code."""
    return bytes(map(CODES.__getitem__, from_pcm(pcm)))


def _codes() -> list[int]:
    """The nearest code of every sample; negative ones from the end, as Python counts them."""
    steps = sorted((mu_law(code), code) for code in range(256))
    codes, place = [0] * 65_536, 0
    for sample in range(-32_768, 32_768):
        while place + 1 < len(steps) and abs(steps[place + 1][0] - sample) <= abs(steps[place][0] - sample):
            place += 1
        codes[sample] = steps[place][1]
    return codes


CODES = _codes()


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--anew", action="store_true", help="take nothing of the present packs")
    parser.add_argument("--check", action="store_true", help="only say what is missing")
    options = parser.parse_args()
    texts = standard_texts(standard_requests())
    with contextlib.closing(StandardPack(Path("/nonexistent") if options.anew else STANDARD)) as pack:
        wanted = missing(texts, pack)
        print(f"{sum(map(len, texts.values()))} texts, {len(wanted)} to be read")
        if options.check:
            for spoken in wanted:
                print(f"{spoken.language.value}: {spoken.text}")
            sys.exit(bool(wanted))
        shelf = SpeechStore(PromptCache(WORK), pack)
        shelf.cache.open()
        read_aloud([spoken for spoken in wanted if not shelf.has(spoken)], shelf, voices_ahead(VoiceSettings()))
        for language, each in texts.items():
            write_pack(STANDARD, language, each, shelf)
    for language, each in texts.items():
        size = file_of(STANDARD, language).stat().st_size
        print(f"{language.value}: {len(each)} texts, {size / 1e6:.1f} MB")


if __name__ == "__main__":
    main()
