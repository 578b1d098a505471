"""Where the files lie that come with acdcore: settings, flows and prompts to begin with."""

from pathlib import Path

PACKAGE = Path(__file__).parents[1] / "shipped"
"""Beside the program's modules, where it was installed."""
CHECKOUT = Path(__file__).parents[3] / "config"
"""Where they are written."""


def shipped() -> Path:
    """The directory of the shipped files."""
    return PACKAGE if PACKAGE.is_dir() else CHECKOUT
