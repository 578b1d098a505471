"""What is compiled: the media engine, and the resampler of prompts. All else is in pyproject.toml."""

import os
from pathlib import Path

from Cython.Build import cythonize
from setuptools import Extension, setup

MEDIA = Path("src/acdcore/media")
FLAGS = ["-O3", "-Wall", "-g0"]

engine = [
    Extension(f"acdcore.media.{source.stem}", [str(source)], extra_compile_args=FLAGS)
    for source in sorted(MEDIA.glob("*.pyx"))
]
resampler = [Extension("acdcore.ivr.resample", ["src/acdcore/ivr/resample.py"], extra_compile_args=FLAGS)]

setup(
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
            resampler,
            include_path=["src"],
            nthreads=os.cpu_count() or 1,
            compiler_directives={"language_level": "3", "boundscheck": False, "cdivision": True},
        ),
    ],
)
