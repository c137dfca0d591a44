#!/usr/bin/env bash
# SPDX-FileCopyrightText: 2026 the abusehandler authors
# SPDX-License-Identifier: AGPL-3.0-or-later
#
# A whole abuse desk to look at, in one folder, for an ordinary user: nothing is installed outside of it.
#
#   installer/try.sh            set up, start, feed samples, show the result; again: starts what is down, shows
#   installer/try.sh show       show the result again
#   installer/try.sh stop       stop everything, keep it
#   installer/try.sh remove     stop everything and delete the folder
#
# ABUSEHANDLER_FOLDER names another folder than .tryout in the checkout (as root: /var/tmp/abusehandler-tryout).
set -u
source_folder=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
# shellcheck source=unprivileged.sh
. "$source_folder/installer/unprivileged.sh"

verb=${1:-up}
case "$verb" in
    up | show | stop | remove) ;;
    -h | --help) sed -n '5,14s/^# \{0,1\}//p' "$0"; exit 0 ;;
    *) fail "try.sh: '$verb' is not known; write up, show, stop or remove" ;;
esac

if [ "$(id -u)" = 0 ]; then
    folder=${ABUSEHANDLER_FOLDER:-/var/tmp/abusehandler-tryout}
    [ "$verb" = up ] || [ -d "$folder" ] || fail "there is no try-out in $folder"
    if [ "$verb" = remove ]; then
        bash "$0" stop
        rm -rf -- "$folder/source" "$folder/venv" "$folder/intelmq" "$folder/postgresql" "$folder/redis" "$folder/smtp" "$folder/.cache" "$folder/samples-fed"
        rmdir -- "$folder" && say "removed $folder"
        exit
    fi
    leave_root try.sh "$folder" "$verb"
fi

folder=${ABUSEHANDLER_FOLDER:-$source_folder/.tryout}
mkdir -p "$folder" || exit 1
[ "$verb" = up ] || [ -x "$folder/venv/bin/python" ] || fail "there is no try-out in $folder"
[ "$verb" = up ] && make_venv "$folder/venv" "$source_folder[tryout]"
cd "$folder" || exit 1
"$folder/venv/bin/python" -W ignore -m abusehandler.installer.tryout "$verb" "$folder" || exit 1
if [ "$verb" = remove ]; then
    rm -rf -- "$folder/venv"
    rmdir -- "$folder" 2>/dev/null
    say "removed $folder"
elif [ "$verb" != stop ]; then
    printf '  %-33s stop it; remove deletes it all\n' "$0 stop | remove"
fi
