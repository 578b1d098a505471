"""What the test hotline says: every prompt is a tone of its own, so that a test can tell by ear which one it hears."""

import io
import tomllib
import wave
from collections.abc import Mapping

from bench.daemon import CONFIG
from bench.sound import tone

from acdcore.ivr.model.system_prompts import SystemPrompt, clip_names

GREETING_HZ = 440.0
MENU_HZ = 500.0
CONNECTING_HZ = 540.0
INVALID_HZ = 580.0
MEMBER_NUMBER_HZ = 600.0
WELCOME_BACK_HZ = 640.0
UNKNOWN_MEMBER_HZ = 680.0
CHOOSE_LANGUAGE_HZ = 720.0
THANKS_HZ: Mapping[str, float] = {"cmn": 760.0, "yue": 800.0, "en": 840.0}
"""The same prompt in each language."""
MUSIC_HZ = 350.0
"""Music on hold of the service queue."""

COUNT_HZ = 1000.0
DIGIT_HZ = 1040.0
SYSTEM_HZ: Mapping[str, float] = {
    SystemPrompt.AGENT_NUMBER: 1080.0,
    SystemPrompt.AT_YOUR_SERVICE: 1120.0,
    SystemPrompt.WHISPER_CALL: 1160.0,
    SystemPrompt.WHISPER_VIP: 1200.0,
    SystemPrompt.POSITION: 1240.0,
    SystemPrompt.POSITION_BEYOND: 1280.0,
    SystemPrompt.IN_THE_QUEUE: 1320.0,
    SystemPrompt.PLEASE_HOLD: 1360.0,
    SystemPrompt.LINES_BUSY: 1400.0,
    SystemPrompt.QUEUE_OVERFLOW: 1440.0,
    SystemPrompt.NOBODY_THERE: 1480.0,
    SystemPrompt.CLOSED: 1520.0,
    SystemPrompt.GOODBYE: 1560.0,
    SystemPrompt.LOGGED_IN: 1600.0,
    SystemPrompt.READY: 1640.0,
    SystemPrompt.NOT_READY: 1680.0,
    SystemPrompt.WRAP_UP_ENDED: 1720.0,
    SystemPrompt.LOGGED_OUT: 1760.0,
    SystemPrompt.REFUSED: 1800.0,
    SystemPrompt.WHISPER_CALLBACK: 2220.0,
    SystemPrompt.WHISPER_MESSAGE: 2240.0,
    SystemPrompt.MESSAGE_KEYS: 2260.0,
    SystemPrompt.MESSAGE_END_ANY: 2280.0,
    SystemPrompt.CALLBACK_OFFER: 2300.0,
    SystemPrompt.AGENT_LOST: 2320.0,
}
"""Tones of the standard prompts; digits and numbers share one tone each."""
WORD_HZ = 1840.0
"""Tone of all other prompts: words that values are read aloud with, and prompts that no test listens for."""
SHIPPED_HZ: Mapping[str, Mapping[str, float]] = {
    "voicemail": {
        "welcome": 2600.0,
        "your-number": 2620.0,
        "own-or-other": 2640.0,
        "other-number": 2660.0,
        "right-or-again": 2680.0,
        "subject": 2700.0,
        "reply": 2720.0,
        "speak": 2740.0,
        "send-or-again": 2760.0,
        "thanks": 2780.0,
        "nothing-heard": 2800.0,
    },
    "callback": {"offer-own": 2380.0, "own-or-wait": 2400.0, "placed": 2420.0},
    "survey": {"satisfaction": 2440.0, "thanks": 2460.0},
}
"""What the flows say that come with the configuration; prompts that no test listens for are missing."""
HOLIDAY_HZ = 3000.0
CLOSED_HZ = 3020.0
"""What the calendar's flows say."""
PROMPT_S = 0.6
"""Longer than the stretch by which a tone is recognised."""
DIGIT_S = 0.12

CALLER_HZ = 2100.0
"""What callers say."""
AGENT_HZ = 2500.0
"""What agents say."""
OUTSIDE_HZ = 2900.0
"""What the outside party says."""
STRANGER_HZ = 3300.0
"""What must never be heard."""


def wav(frequency_hz: float, seconds: float = PROMPT_S) -> bytes:
    """A tone as a mono WAV file, 16 bit, 8 kHz."""
    file = io.BytesIO()
    with wave.open(file, "wb") as out:
        out.setnchannels(1)
        out.setsampwidth(2)
        out.setframerate(8000)
        out.writeframes(tone(frequency_hz, seconds))
    return file.getvalue()


def system_hz(name: str) -> float:
    """The tone of a standard prompt."""
    if name.startswith("digit-"):
        return DIGIT_HZ
    if name.startswith("count-"):
        return COUNT_HZ
    return SYSTEM_HZ.get(name, WORD_HZ)


def shipped_hz(flow: str, name: str) -> float:
    """The tone of a prompt of a flow that comes with the configuration."""
    return SHIPPED_HZ[flow].get(name, WORD_HZ)


def prompts_of(flow: str) -> list[str]:
    """The names of the prompts of such a flow."""
    return list(tomllib.loads((CONFIG / "ivr" / f"{flow}.toml").read_text())["prompts"])


def prompts() -> dict[str, bytes]:
    """The directory of prompts: system.toml and all WAV files, by file name."""
    files = {"music.wav": wav(MUSIC_HZ, 2.0)}
    spoken = {
        "greeting": GREETING_HZ,
        "menu": MENU_HZ,
        "connecting": CONNECTING_HZ,
        "invalid": INVALID_HZ,
        "member-number": MEMBER_NUMBER_HZ,
        "welcome-back": WELCOME_BACK_HZ,
        "unknown-member": UNKNOWN_MEMBER_HZ,
        "choose-language": CHOOSE_LANGUAGE_HZ,
        "feast": HOLIDAY_HZ,
        "shut": CLOSED_HZ,
        **{f"thanks-{language}": frequency_hz for language, frequency_hz in THANKS_HZ.items()},
        **{f"flow-{flow}-{name}": shipped_hz(flow, name) for flow in SHIPPED_HZ for name in prompts_of(flow)},
    }
    for name, frequency_hz in spoken.items():
        files[f"{name}.wav"] = wav(frequency_hz)
    table = []
    for name in sorted(clip_names()):
        files[f"{name}.wav"] = wav(system_hz(name), DIGIT_S if name.startswith("digit-") else PROMPT_S)
        table.append(f'[prompts.{name}]\nwav = "{name}.wav"\n')
    files["system.toml"] = "\n".join(table).encode()
    return files
