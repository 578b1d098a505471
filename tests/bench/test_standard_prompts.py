"""What comes along spoken is what a fresh installation says, in every language, and nothing else."""

import contextlib
import zipfile

import pytest
from bench.standard_prompts import missing, standard_requests, standard_texts

from acdcore.ivr.model.flow import Language
from acdcore.ivr.prompts.standard_pack import STANDARD, StandardPack, file_of


def test_every_text_of_a_fresh_installation_comes_along_spoken() -> None:
    with contextlib.closing(StandardPack(STANDARD)) as pack:
        lacking = [(each.language.value, each.text) for each in missing(standard_texts(standard_requests()), pack)]
    assert not lacking, "python -m bench.standard_prompts makes them"


@pytest.mark.parametrize("language", Language)
def test_pack_has_nothing_that_nobody_says(language: Language) -> None:
    with zipfile.ZipFile(file_of(STANDARD, language)) as packed:
        assert set(packed.namelist()) == standard_texts(standard_requests())[language].keys()


def test_licence_of_the_voices_is_noted_beside_what_they_said() -> None:
    assert "Apache" in (STANDARD / "NOTICE").read_text("utf-8")
