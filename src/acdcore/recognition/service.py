"""What the daemon needs to understand callers, opened as the settings have it."""

import contextlib
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from typing import Literal, TypeAlias

from acdcore.kernel.alarms import AlarmKind
from acdcore.recognition import mandarin, voice_activity, whisper
from acdcore.recognition.endpoint import Detectors
from acdcore.recognition.helper import process_helper
from acdcore.recognition.http_recogniser import HttpRecogniser, HttpSettings
from acdcore.recognition.model import Recogniser
from acdcore.recognition.pool import RECOGNITION, HelperPool, PoolSettings
from acdcore.recognition.recogniser import PhraseRecogniser

EngineName: TypeAlias = Literal["", "whisper", "http"]
EXTRA = "acdcore[speech]"
"""What is to be installed for any of them."""


@dataclass(frozen=True, slots=True)
class RecognitionSettings:
    """Which engine, and what it is given."""

    engine: EngineName = ""
    """Empty: nobody is listened to, and nothing is loaded."""
    within_s: float = 5.0
    """From the end of speech to the answer; after it a caller has waited for too long."""
    pool: PoolSettings = field(default_factory=PoolSettings)
    http: HttpSettings = field(default_factory=lambda: HttpSettings(""))


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
async def open_recognition(settings: RecognitionSettings) -> AsyncIterator[RecognitionService]:
    """The engine of the settings until the block ends.

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
        server = HttpRecogniser(settings.http)
        async with server.running():
            yield RecognitionService(Understanding(PhraseRecogniser(server), detectors, settings.within_s))
        return
    pool = HelperPool(process_helper(), settings.pool)
    async with pool.running():
        yield RecognitionService(Understanding(PhraseRecogniser(pool), detectors, settings.within_s), pool.conditions)
