"""One reader for every language."""

from acdcore.ivr.model.flow import Language
from acdcore.ivr.tts.engines import TtsEngines
from acdcore.ivr.tts.voices import SpeechEngine, TtsEngine, stand_in


def read_by(reader: TtsEngine) -> TtsEngines:
    """Voices that all are the reader's."""
    return TtsEngines({language: stand_in(language) for language in Language}, {SpeechEngine.ESPEAK: reader})
