"""Prompts as sound: recordings and speech to 8 kHz PCM, made once and kept on disk."""

from collections.abc import Callable, Iterable
from pathlib import Path

from acdcore.ivr.model import Flow, PromptKey, PromptRequest

Progress = Callable[[int, int], None]
"""Called with (done, total) while prompts are being made."""


def flow_requests(flow: Flow) -> tuple[PromptRequest, ...]:
    """The flow's own prompts."""
    ...


def system_requests(file: Path) -> tuple[PromptRequest, ...]:
    """The prompts of `config/prompts/system.toml`, checked to be complete in all languages.

    Raises SettingsError.
    """
    ...


def render(
    requests: Iterable[PromptRequest], cache_dir: Path, prompts_dir: Path, on_progress: Progress | None = None
) -> dict[PromptKey, bytes]:
    """PCM (16 bit little-endian, mono, 8 kHz) of every request; takes seconds the first time: call it in a thread.

    Raises SettingsError (a bad or missing file) and Unavailable (no speech synthesis for a text).
    """
    ...


def render_music(cache_dir: Path, prompts_dir: Path, wav: str | None = None) -> bytes:
    """PCM of the music on hold, to be looped: the file, or the built-in piece."""
    ...
