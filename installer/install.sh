#!/usr/bin/env bash
# SPDX-FileCopyrightText: 2026 the abusehandler authors
# SPDX-License-Identifier: AGPL-3.0-or-later
#
# Sets a whole abuse desk up on Debian 12 and 13, Ubuntu 22.04 and 24.04. Run again, it repairs and changes nothing else.
#
#   sudo installer/install.sh                    asks what it cannot know
#   sudo installer/install.sh --answers FILE     asks nothing; docs/install.md tells the keys
#        --dry-run                               only says what would be changed
#        --no-start                              starts no bot; before a restore on a new machine
#        --keep | --take                         where you and a new release changed the same key: yours, or the new one
#
# What it did stands in /var/log/abusehandler/install.log. To a newer release: installer/upgrade.sh.
set -eu -o pipefail
source_folder=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
# shellcheck source=release.sh
. "$source_folder/installer/release.sh"

dry_run='' answers=''
for word in "$@"; do
    case "$word" in
        --answers | --answers=*) answers=yes ;;
        -h | --help) sed -n '5,13s/^# \{0,1\}//p' "$0"; exit 0 ;;
        --dry-run) dry_run=yes ;;
    esac
done
require_root install.sh
require_distribution
lock
umask 022

if [ -n "$dry_run" ] && [ ! -x "$program/current/venv/bin/python" ]; then
    say "nothing is here yet. It would install python3-venv, PostgreSQL and Redis by apt-get, make $program, the user intelmq,"
    say "/etc/abusehandler, /var/lib/abusehandler, /var/log/abusehandler, systemd units, and start the bots."
    exit 0
fi
[ ! -e "$program/upgrading" ] || fail "an upgrade was cut off: installer/upgrade.sh puts that right first"
if [ -z "$dry_run" ]; then
    [ -n "$answers" ] || [ -e /etc/abusehandler/answers.yaml ] || [ -t 0 ] \
        || fail "there is no terminal to ask on: write the answers into a file and use --answers FILE (docs/install.md)"
    require_space /var 1000
    open_log
    install_python
    if [ ! -e "$program/current" ]; then
        make_release
        # before anything is changed: an answer that is wrong shows here
        [ -z "$answers" ] || "$release/venv/bin/python" "${isolated[@]}" -m abusehandler.installer.setup --check-answers "$@" || exit 1
        switch_to "$release"
    elif [ "$(cat "$program/current/stamp" 2>/dev/null)" != "$(source_stamp)" ]; then
        say "this source is another release than the one installed; install.sh repairs the installed one (installer/upgrade.sh upgrades)"
    fi
fi
status=0
"$program/current/venv/bin/python" "${isolated[@]}" -m abusehandler.installer.setup "$@" || status=$?
exit "$status"
