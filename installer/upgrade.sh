#!/usr/bin/env bash
# SPDX-FileCopyrightText: 2026 the abusehandler authors
# SPDX-License-Identifier: AGPL-3.0-or-later
#
# Brings an installation to the release of this source: git pull && sudo installer/upgrade.sh
#
#        --keep | --take     where you and the new release changed the same key: yours, or the new one
#
# Makes the new release beside the old, saves all, changes the tables, checks, switches, checks again, and goes back by
# itself if something does not work. docs/upgrade.md tells each step.
set -eu -o pipefail
source_folder=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
# shellcheck source=release.sh
. "$source_folder/installer/release.sh"

case "${1:-}" in
    -h | --help) sed -n '5,10s/^# \{0,1\}//p' "$0"; exit 0 ;;
    "" | --keep | --take) ;;
    *) fail "upgrade.sh: '$1' is not known; write --keep, --take or nothing" ;;
esac
require_root upgrade.sh
lock
umask 022
[ -x "$program/current/venv/bin/python" ] || fail "abusehandler is not installed here: sudo installer/install.sh"
require_space /var 1000
open_log
if [ -e "$program/upgrading" ]; then
    "$program/current/venv/bin/python" "${isolated[@]}" -m abusehandler.installer.setup.upgrade --unfinished || exit 1
fi
old=$(readlink -f "$program/current")
make_release
if [ "$release" = "$old" ]; then
    say "this is the release that is installed: $(basename "$old"); install.sh repairs it"
    exit 0
fi
status=0
"$release/venv/bin/python" "${isolated[@]}" -m abusehandler.installer.setup.upgrade --from "$old" --to "$release" "$@" || status=$?
[ "$status" = 0 ] && drop_old_releases
exit "$status"
