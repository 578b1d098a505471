#!/bin/sh
# One line for each supported Python that this machine has: its version and its path. Debian's own comes first.
# apt and pyenv are where people get theirs; the same version is named once.
{
    for minor in 11 12 13; do
        ls "/usr/bin/python3.$minor" "$HOME/.pyenv/versions/3.$minor."*/bin/python3 2>/dev/null
        command -v "python3.$minor"
    done
    command -v python3
} | while read -r python; do
    sh config/preflight.sh "$python" 2>/dev/null || continue
    "$python" -c 'import platform, sys; print(platform.python_version(), sys.executable)'
done | sort -V | awk '!seen[$1]++'
