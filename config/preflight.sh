#!/bin/sh
# Says in one line what is missing before anything is installed. Argument: the Python to use.
python=${1:-python3}
say() { echo "acdcore: $1" >&2; exit 1; }
command -v "$python" >/dev/null || say "$python is missing; install Python 3.11 or later (Debian: apt-get install python3 python3-venv python3-dev)"
"$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))' || say "$python is $("$python" -V 2>&1); 3.11 or later is needed (make PYTHON=python3.12 ...)"
"$python" -c 'import venv, ensurepip' 2>/dev/null || say "the venv module is missing (Debian: apt-get install python3-venv)"
command -v gcc >/dev/null || say "gcc is missing; the media engine is compiled (Debian: apt-get install gcc)"
header=$("$python" -c 'import sysconfig; print(sysconfig.get_paths()["include"])')/Python.h
[ -f "$header" ] || say "$header is missing (Debian: apt-get install python3-dev)"
