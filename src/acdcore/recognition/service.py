"""What the daemon needs to understand callers, opened as the settings have it."""

import contextlib
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from typing import Annotated, Literal, TypeAlias

from annotated_types import Ge, Le

from acdcore.kernel.alarms import AlarmKind
from acdcore.kernel.setting_types import OptionalHttpUrl
from acdcore.recognition import mandarin, voice_activity, whisper
from acdcore.recognition.endpoint import Detectors
from acdcore.recognition.helper import process_helper
from acdcore.recognition.http_recogniser import HttpRecogniser, HttpSettings
from acdcore.recognition.model import Recogniser, TranscriptKind
from acdcore.recognition.pool import RECOGNITION, HelperPool, PoolSettings
from acdcore.recognition.recogniser import PhraseRecogniser

EngineName: TypeAlias = Literal["", "whisper", "http"]
EXTRA = "acdcore[speech]"
"""What is to be installed for any of them."""


@dataclass(frozen=True, slots=True)
class RecognitionSettings:
    """The section `[recognition]`: which engine, and what it is given."""

    engine: EngineName = ""
    """Empty: nobody is listened to, and nothing is loaded."""
    processes: Annotated[int, Ge(1), Le(16)] = 1
    """Of whisper at most; each takes a core while it works, and its memory all the time."""
    within_s: Annotated[float, Ge(0.5), Le(30)] = 5.0
    """From the end of speech to the answer; after it a caller has waited for too long."""
    url: OptionalHttpUrl = ""
    """Of the server that the engine `http` asks."""
    key_file: str = ""
    """File whose first line is the server's key, relative to the settings; empty: it wants no key."""
    model: str = ""
    """What the server is to use; empty: it is not told."""
    transcripts: TranscriptKind = TranscriptKind.NONE
    """Which recordings are written down."""

    def __post_init__(self) -> None:
        """Raises ValueError for an engine without what it needs."""
        if self.engine == "http" and not self.url:
            raise ValueError('engine = "http" needs url = "http://host:port/v1/audio/transcriptions"')
        if self.transcripts is not TranscriptKind.NONE and not self.engine:
            raise ValueError('transcripts needs engine = "whisper" or "http"')


@dataclass(frozen=True, slots=True)
class Understanding:
    """What it takes to understand a caller."""

    recogniser: Recogniser
    detectors: Detectors
    """What tells speech from noise, one for each caller who is listened to."""
    within_s: float


Conditions: TypeAlias = Callable[[], tuple[tuple[AlarmKind, str], ...]]


@dataclass(frozen=True, slots=True)
class RecognitionService:
    """What became of the settings."""

    understanding: Understanding | None
    """None: nobody is listened to."""
    conditions: Conditions = tuple
    """For the watch."""


def missing_packages(engine: EngineName) -> tuple[str, ...]:
    """Python packages that the engine needs and this machine has not; they are not loaded."""
    if not engine:
        return ()
    common = [
        name
        for name, is_there in (
            (voice_activity.PACKAGE, voice_activity.is_installed()),
            (mandarin.READINGS, mandarin.is_installed()),
        )
        if not is_there
    ]
    return (*common, *(whisper.missing() if engine == "whisper" else ()))


@contextlib.asynccontextmanager
async def open_recognition(settings: RecognitionSettings, server_key: str = "") -> AsyncIterator[RecognitionService]:
    """The engine of the settings until the block ends; `server_key` is what `key_file` holds.

    What is missing is no reason not to take calls: it is an alarm, and callers use keys.
    """
    if not settings.engine:
        yield RecognitionService(None)
        return
    lacks = ", ".join(missing_packages(settings.engine))
    if lacks:
        problem = f"not installed: {lacks}; pip install '{EXTRA}'"
        yield RecognitionService(None, lambda: ((RECOGNITION, problem),))
        return
    detectors = voice_activity.detectors()
    if settings.engine == "http":
        server = HttpRecogniser(HttpSettings(settings.url, settings.model, server_key))
        async with server.running():
            yield RecognitionService(
                Understanding(PhraseRecogniser(server), detectors, settings.within_s),
                lambda: ((RECOGNITION, server.trouble),),
            )
        return
    pool = HelperPool(process_helper(), PoolSettings(processes=settings.processes))
    async with pool.running():
        yield RecognitionService(Understanding(PhraseRecogniser(pool), detectors, settings.within_s), pool.conditions)
