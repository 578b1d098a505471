"""The media engine is compiled; everything else about the package is in pyproject.toml."""

from pathlib import Path

from Cython.Build import cythonize
from setuptools import Extension, setup

MEDIA = Path("src/acdcore/media")

extensions = [
    Extension(f"acdcore.media.{source.stem}", [str(source)], extra_compile_args=["-O3", "-Wall"])
    for source in sorted(MEDIA.glob("*.pyx"))
]

setup(
    ext_modules=cythonize(
        extensions,
        include_path=["src"],
        compiler_directives={
            "language_level": "3",
            "boundscheck": False,
            "wraparound": False,
            "cdivision": True,
            "initializedcheck": False,
        },
    ),
)
