"""One reader for every language."""

from acdcore.ivr.engines import Voices
from acdcore.ivr.model import Language
from acdcore.ivr.voices import Reader, SpeechEngine, stand_in


def read_by(reader: Reader) -> Voices:
    """Voices that all are the reader's."""
    return Voices({language: stand_in(language) for language in Language}, {SpeechEngine.ESPEAK: reader})
