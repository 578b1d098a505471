"""Values read aloud: digits, numbers, money, dates, times and durations as sequences of the system's prompts."""

from acdcore.ivr.kinds import ReadAs
from acdcore.ivr.model import Language, PromptKey


def read(value: str, kind: ReadAs, language: Language) -> tuple[PromptKey, ...]:
    """The prompts that say `value`. Raises ValueError when it is not what `kind` asks for."""
    raise ValueError(f"{value!r} cannot be read as {kind.value} in {language.value}")
