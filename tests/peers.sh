#!/bin/sh
# The real phones of the tests: installs Debian's packages when they are absent and we are root, otherwise says what is left out.
missing=
command -v sipp >/dev/null || missing="$missing sip-tester"
command -v baresip >/dev/null || missing="$missing baresip-core"
[ -n "$missing" ] || exit 0
if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; then
    { apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends $missing; } >/dev/null 2>&1
fi
for package in $missing; do
    case $package in sip-tester) command=sipp ;; *) command=baresip ;; esac
    command -v $command >/dev/null || echo "tests with $command are left out: Debian's package $package is absent and could not be installed"
done
exit 0
