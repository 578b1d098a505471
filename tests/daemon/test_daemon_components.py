"""What the daemon stands on when the place for rendered prompts is full or broken."""

from pathlib import Path

import pytest

from acdcore.daemon.components import in_prompt_cache
from acdcore.kernel.errors import Unavailable


def test_prompts_are_made_elsewhere_when_their_directory_breaks_meanwhile(tmp_path: Path) -> None:
    directory, used, told = tmp_path / "prompts", list[Path](), list[str]()

    def make(cache: Path) -> str:
        used.append(cache)
        if cache == directory:
            directory.rename(tmp_path / "gone")
            directory.write_text("no directory any more")
            raise Unavailable("'hello' could not be read aloud: No space left on device")
        return "made"

    assert in_prompt_cache(directory, told.append, make) == "made"
    assert used[0] == directory and used[1] != directory
    assert told[0] == "" and told[1].startswith(f"{directory}: ")
    assert not used[1].exists()


def test_what_fails_for_another_reason_fails_once(tmp_path: Path) -> None:
    tries: list[Path] = []

    def make(cache: Path) -> str:
        tries.append(cache)
        raise Unavailable("'hello' could not be read aloud: no voice")

    with pytest.raises(Unavailable, match="no voice"):
        in_prompt_cache(tmp_path / "prompts", lambda _: None, make)
    assert len(tries) == 1
