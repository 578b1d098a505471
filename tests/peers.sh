#!/bin/sh
# The real phones of the tests: installs Debian's packages when they are absent and we are root, otherwise says what is left out.
# Each line: the command that a test looks for, and the package that has it.
peers="sipp sip-tester
baresip baresip-core
sipsak sipsak
linphonec linphone-cli
kamailio kamailio
fail2ban-regex fail2ban"
PATH="$PATH:/usr/sbin" # Kamailio's place
missing=$(echo "$peers" | while read -r command package; do command -v "$command" >/dev/null || echo "$package"; done)
[ -n "$missing" ] || exit 0
if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; then
    { apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends $missing; } >/dev/null 2>&1
fi
echo "$peers" | while read -r command package; do
    command -v "$command" >/dev/null || echo "tests with $command are left out: Debian's package $package is absent and could not be installed"
done
exit 0
