"""How Cantonese is to be read, by a dictionary, and how espeak-ng reads it: `python -m tests.ivr.cantonese_readings`.

The dictionary is pycantonese's (rime-cantonese and HKCanCor). It has one reading for each word, the one of books where
there are two; `SPOKEN` says where people say another, or where a word is none to it and its characters mislead.
"""

import json
import random
import re
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol, cast

import pycantonese

from acdcore.configuration.settings import load
from acdcore.configuration.snapshot import load_snapshot
from acdcore.ivr.files.flows import read_flow
from acdcore.ivr.files.system_prompts import read_system
from acdcore.ivr.model.flow import Language, PromptName, PromptRequest, Text, WavFile
from acdcore.ivr.model.kinds import ReadAs
from acdcore.ivr.prompts.render import flow_requests
from acdcore.ivr.reading.values import read
from acdcore.ivr.tts.cantonese import respelled

CONFIG = Path(__file__).parents[2] / "config"
SENTENCES = 1_500
"""Of everyday talk: enough for a tenth of a percent."""
HAN = re.compile(r"[\u3400-\u9fff]+")
SPOKEN: dict[str, tuple[str, str]] = {
    "打返": ("daa2 faan1", "back, as a particle; faan2 is to return in books"),
    "收到": ("sau1 dou2", "to have managed to, as in HKCanCor; dou3 is to arrive"),
    "錄到": ("luk6 dou2", "the same"),
    "搵唔到": ("wan2 m4 dou2", "the same"),
    "我哋會": ("ngo5 dei6 wui5", "will: 811 of 813 times in HKCanCor; wui6 is a chance or a meeting"),
    "就會": ("zau6 wui5", "the same"),
    "一定會": ("jat1 ding6 wui5", "the same"),
    "會員": ("wui2 jyun4", "as for every association; wui6 is read by few"),
    "呢個": ("ni1 go3", "this; ne1 is the particle at the end of a question"),
    "接聽": ("zip3 teng1", "to answer a telephone; ting3 is to listen in books"),
    "重聽": ("cung4 teng1", "once again; zung6 is heavy, and so hard of hearing"),
    "重複收聽": ("cung4 fuk1 sau1 teng1", "as what one does with a telephone: teng1"),
    "五十二": ("ng5 sap6 ji6", "the dictionary has what ng5 once became in a talk, m5"),
    "零": ("ling4", "both are heard, leng4 is the older"),
    "十九": ("sap6 gau2", "the dictionary has a mistake here"),
    "聯絡": ("lyun4 lok3", "both are heard; lok3 is the broadcasters'"),
    "訂單": ("deng6 daan1", "both are heard; ding6 is a treaty's"),
    "下一位": ("haa6 jat1 wai2", "the polite word for persons"),
    "幾位": ("gei2 wai2", "the polite word for persons"),
    "六位郵政": ("luk6 wai6 jau4 zing3", "of a number's places"),
    "當值": ("dong1 zik6", "on duty; dong3 is to pawn"),
    "斷咗": ("tyun5 zo2", "broken; dyun6 is to judge, and to break off in books"),
    "最長": ("zeoi3 coeng4", "long; zoeng2 is to grow"),
    "提示聲": ("tai4 si6 seng1", "a sound that is heard; sing1 in books"),
    "幾大": ("gei2 daai6", "how great; daai2 is only so great"),
}
"""Words, how they are said, and why that is not what the dictionary gives."""
_SPOKEN = re.compile("|".join(sorted(SPOKEN, key=len, reverse=True)))


class Token(Protocol):
    """A word of the corpus; marks of punctuation have no reading."""

    word: str
    jyutping: str | None


@dataclass(frozen=True, slots=True)
class Compared:
    """A text, how it is to be read and how it is."""

    text: str
    wanted: tuple[str, ...]
    read: tuple[str, ...]

    def wrong(self) -> list[str]:
        """`哋 dei2 for dei6 in 我哋會`; the whole text where the number of syllables differs."""
        chars = "".join(HAN.findall(self.text))
        if len(self.wanted) != len(self.read):
            return [f"{len(self.read)} syllables for {len(self.wanted)} in {self.text}"]
        return [
            f"{chars[at]} {read} for {wanted} in {chars[max(0, at - 3) : at + 4]}"
            for at, (wanted, read) in enumerate(zip(self.wanted, self.read, strict=True))
            if wanted != read
        ]


def by_the_dictionary(text: str) -> tuple[str, ...]:
    """The syllables of a text, in Jyutping."""
    return tuple(syllable for clause in HAN.findall(text) for syllable in _clause(clause))


def _clause(clause: str) -> Iterator[str]:
    at = 0
    for found in _SPOKEN.finditer(clause):
        yield from _words(clause[at : found.start()])
        yield from SPOKEN[found[0]][0].split()
        at = found.end()
    yield from _words(clause[at:])


def _words(clause: str) -> Iterator[str]:
    for word, jyutping in pycantonese.characters_to_jyutping(clause) if clause else ():
        known = re.findall(r"[a-z]+\d", jyutping or "")
        yield from known if len(known) == len(word) else (_alone(char) for char in word)


def _alone(char: str) -> str:
    return str(pycantonese.characters_to_jyutping(char)[0][1])


def compared(texts: Sequence[str], *, corrected: bool) -> list[Compared]:
    """Each text as espeak-ng reads it, as it is or as it is respelled."""
    every = zip(texts, read_by_espeak(texts, corrected=corrected), strict=True)
    return [Compared(text, by_the_dictionary(text), syllables) for text, syllables in every]


def read_by_espeak(texts: Sequence[str], *, corrected: bool) -> list[tuple[str, ...]]:
    """The syllables of each text, in Jyutping."""
    asked = [respelled(text) if corrected else text for text in texts]
    with tempfile.TemporaryDirectory() as directory:
        command = (sys.executable, "-m", "tests.ivr.phonemes", f"{directory}/trace")
        spoken = subprocess.run(command, input=json.dumps(asked), capture_output=True, text=True, check=True).stdout
    return [tuple(syllables) for syllables in json.loads(spoken)]


def talk(sentences: int) -> dict[str, tuple[str, ...]]:
    """Sentences of people who talk, as they said them: out of the corpus HKCanCor, always the same."""
    found: dict[str, tuple[str, ...]] = {}
    for utterance in cast(Sequence[Sequence[Token]], pycantonese.hkcancor().tokens(by_utterance=True)):
        words = [token for token in utterance if token.jyutping]
        text = "".join(token.word for token in words)
        syllables = tuple(re.findall(r"[a-z]+\d", "".join(token.jyutping or "" for token in words)))
        if HAN.fullmatch(text) and len(text) == len(syllables) and len(text) in range(4, 26):
            found[text] = syllables
    return dict(random.Random(1).sample(sorted(found.items()), sentences))


def shipped_texts() -> list[str]:
    """Every Cantonese text that comes along, each once."""
    plan = load_snapshot(load(CONFIG / "acdcore.toml", {}), CONFIG / "acdcore.toml")
    examples = [one for file in sorted(CONFIG.glob("ivr/examples/*.toml")) for one in flow_requests(read_flow(file))]
    found = [text_of(one) for one in (*plan.prompts, *examples) if one.key.language is Language.CANTONESE]
    return list(dict.fromkeys(text for text in found if HAN.search(text)))


def text_of(request: PromptRequest) -> str:
    """What is said; "" for a tone."""
    return request.source.text if isinstance(request.source, Text | WavFile) else ""


def values() -> list[str]:
    """Two hundred values of all kinds, put together as they are read aloud."""
    said = {
        one.key.name: text_of(one)
        for one in read_system(CONFIG / "prompts" / "system.toml").requests
        if one.key.language is Language.CANTONESE
    }
    numbers = [*range(40), *range(40, 1_000, 37), 1_000, 1_001, 1_010, 2_002, 12_345, 20_002, 100_000, 110_110]
    asked = [(str(number), ReadAs.NUMBER) for number in numbers]
    asked += [(f"{amount}.{cents:02}", ReadAs.MONEY) for amount in (0, 1, 2, 22, 105, 1_999) for cents in (5, 20, 99)]
    asked += [(f"{2020 + month}-{month:02}-{month * 2:02}", ReadAs.DATE) for month in range(1, 13)]
    asked += [(f"2026-10-{day:02}", ReadAs.DATE) for day in range(1, 32)]
    asked += [(f"{hour:02}:{minute:02}", ReadAs.TIME) for hour in range(24) for minute in (0, 5, 30)]
    return [
        "".join(said[PromptName(key.name)] for key in read(value, kind, Language.CANTONESE)) for value, kind in asked
    ]


def main() -> None:
    """Print the share of right syllables, before and after, and what of our own remains wrong."""
    own = {"shipped texts": shipped_texts(), "values": values()}
    every = {name: {text: by_the_dictionary(text) for text in texts} for name, texts in own.items()}
    for name, wanted in (*every.items(), ("everyday talk", talk(SENTENCES))):
        for corrected in (False, True):
            read = read_by_espeak(list(wanted), corrected=corrected)
            pairs = [
                pair for one, other in zip(wanted.values(), read, strict=True) for pair in zip(one, other, strict=False)
            ]
            share = 100 * sum(one == other for one, other in pairs) / len(pairs)
            print(f"{name}, {'corrected' if corrected else 'as it is'}: {share:.2f} % of {len(pairs)} syllables")
    print(
        "\n".join(
            sorted({one for texts in own.values() for text in compared(texts, corrected=True) for one in text.wrong()})
        )
    )


if __name__ == "__main__":
    main()
