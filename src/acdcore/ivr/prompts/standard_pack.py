"""The standard prompts as audio: what a fresh installation says is spoken already, by the voices that are chosen first.

A zip for each language lies in `standard/`, with one member for each text, called as the text's file in the cache would
be, and holding mu-law (ITU-T G.711) at 8 kHz without a header. `python -m bench.standard_prompts` makes them again.
"""

import zipfile
import zlib
from dataclasses import dataclass, field
from pathlib import Path

from acdcore.ivr.audio.wav import mu_law
from acdcore.ivr.model.flow import Language

STANDARD = Path(__file__).with_name("standard")
SPOILT = (OSError, EOFError, zipfile.BadZipFile, zlib.error, NotImplementedError, RuntimeError, ValueError)
"""What `zipfile` raises for a file that is cut off, overwritten in the middle, or made otherwise than ours."""
_SAMPLES = [mu_law(code) & 0xFFFF for code in range(256)]
LOW = bytes(sample & 0xFF for sample in _SAMPLES)
HIGH = bytes(sample >> 8 for sample in _SAMPLES)


@dataclass(slots=True)
class StandardPack:
    """Texts that come along as audio; a language's zip is opened when it is first asked for.

    What is spoilt in it is not there: then the text is spoken like all others.
    """

    directory: Path = STANDARD
    is_read: bool = True
    """Otherwise what is listed is taken for whole, by those who only look: reading all takes a quarter of a second."""
    _zips: dict[Language, zipfile.ZipFile | None] = field(default_factory=dict)
    _names: dict[Language, frozenset[str]] = field(default_factory=dict)
    _kept: dict[tuple[Language, str], bytes] = field(default_factory=dict)
    """What was asked for: whether a text is whole shows only when all of it is read, and once is enough."""

    def has(self, language: Language, name: str) -> bool:
        """Whether the text of this file name is there."""
        return self._octets(language, name) is not None if self.is_read else name in self.names(language)

    def pcm(self, language: Language, name: str) -> bytes | None:
        """The sound (16 bit little-endian, mono, 8 kHz) of the text of this file name; None when it is not there."""
        octets = self._octets(language, name)
        return None if octets is None else expanded(octets)

    def names(self, language: Language) -> frozenset[str]:
        """All texts that are there."""
        self._open(language)
        return self._names[language]

    def close(self) -> None:
        """Give the files back."""
        for opened in self._zips.values():
            if opened is not None:
                opened.close()
        self._zips.clear()
        self._names.clear()
        self._kept.clear()

    def _octets(self, language: Language, name: str) -> bytes | None:
        self._open(language)
        opened = self._zips[language]
        if opened is None or name not in self._names[language]:
            return None
        if (language, name) not in self._kept:
            try:
                self._kept[language, name] = opened.read(name)
            except SPOILT:
                self._names[language] -= {name}
                return None
        return self._kept[language, name] or None

    def _open(self, language: Language) -> None:
        if language in self._names:
            return
        try:
            opened = zipfile.ZipFile(file_of(self.directory, language))
        except SPOILT:
            self._zips[language], self._names[language] = None, frozenset()
            return
        self._zips[language], self._names[language] = opened, frozenset(opened.namelist())


def file_of(directory: Path, language: Language) -> Path:
    """A language's zip."""
    return directory / f"{language.value}.zip"


def expanded(octets: bytes) -> bytes:
    """mu-law as PCM (16 bit little-endian); a table for each half of a sample is a hundred times as fast as a loop."""
    pcm = bytearray(2 * len(octets))
    pcm[0::2] = octets.translate(LOW)
    pcm[1::2] = octets.translate(HIGH)
    return bytes(pcm)
