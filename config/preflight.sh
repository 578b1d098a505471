#!/bin/sh
# Says in one line what is missing before anything is installed. Arguments: the Python to use, and the environment that is to have it.
python=${1:-python3}
venv=${2:-}
say() { echo "acdcore: $1" >&2; exit 1; }
command -v "$python" >/dev/null || say "$python is missing; install Python 3.11, 3.12 or 3.13 (Debian: apt-get install python3 python3-venv python3-dev)"
supported='import sys; sys.exit(not (3, 11) <= sys.version_info < (3, 14) or sys.implementation.name != "cpython")'
"$python" -c "$supported" 2>/dev/null || say "$python is $("$python" -V 2>&1); CPython 3.11, 3.12 or 3.13 is needed: name one, as in 'make run PYTHON=/usr/bin/python3'"
"$python" -c 'import venv, ensurepip' 2>/dev/null || say "$python has no venv module (Debian: apt-get install python3-venv)"
command -v gcc >/dev/null || say "gcc is missing; the media engine is compiled (Debian: apt-get install gcc)"
header=$("$python" -c 'import sysconfig; print(sysconfig.get_paths()["include"])')/Python.h
[ -f "$header" ] || say "$header is missing (Debian: apt-get install python3-dev)"
[ -x "$venv/bin/python" ] || exit 0
origin='import platform, sys; print("Python", platform.python_version(), "of", sys.base_prefix)'
had=$("$venv/bin/python" -c "$origin" 2>&1) && [ "$had" = "$("$python" -c "$origin")" ] ||
    say "$venv was made with another Python ($had); name a new one, as in 'make run PYTHON=$python VENV=$venv-new', or remove it"
