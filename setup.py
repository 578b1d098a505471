"""What is compiled, and what is put beside the modules; all else is in pyproject.toml.

Compiled are the media engine and what goes through the samples of prompts; the shipped settings of `config/` go into
the package, where `acdcore init` finds them.
"""

import os
import shutil
from pathlib import Path

from Cython.Build import cythonize
from setuptools import Extension, setup
from setuptools.command.build_py import build_py

MEDIA = Path("src/acdcore/media")
FLAGS = ["-O3", "-Wall", "-g0"]

engine = [
    Extension(f"acdcore.media.{source.stem}", [str(source)], extra_compile_args=FLAGS)
    for source in sorted(MEDIA.glob("*.pyx"))
]
prompts = [
    Extension(f"acdcore.ivr.audio.{noun}", [f"src/acdcore/ivr/audio/{noun}.py"], extra_compile_args=FLAGS)
    for noun in ("hold_music", "loudness", "resample")
]


class BuildWithSettings(build_py):
    """Also copies `config/` to `acdcore/shipped`; an editable installation finds it in the checkout."""

    def run(self) -> None:
        super().run()
        if not self.editable_mode:
            shutil.copytree("config", Path(self.build_lib) / "acdcore" / "shipped", dirs_exist_ok=True)


setup(
    cmdclass={"build_py": BuildWithSettings},
    options={"build_ext": {"parallel": os.cpu_count()}},
    ext_modules=[
        *cythonize(
            engine,
            include_path=["src"],
            nthreads=os.cpu_count() or 1,
            compiler_directives={
                "language_level": "3",
                "boundscheck": False,
                "wraparound": False,
                "cdivision": True,
                "initializedcheck": False,
            },
        ),
        *cythonize(
            prompts,
            include_path=["src"],
            nthreads=os.cpu_count() or 1,
            compiler_directives={"language_level": "3", "boundscheck": False, "cdivision": True},
        ),
    ],
)
