"""One reader for every language."""

from acdcore.ivr.model.flow import Language
from acdcore.ivr.tts.engines import Voices
from acdcore.ivr.tts.voices import Reader, SpeechEngine, stand_in


def read_by(reader: Reader) -> Voices:
    """Voices that all are the reader's."""
    return Voices({language: stand_in(language) for language in Language}, {SpeechEngine.ESPEAK: reader})
