#!/bin/sh
# SPDX-FileCopyrightText: 2026 the abusehandler authors
# SPDX-License-Identifier: AGPL-3.0-or-later
# Written by installer/install.sh: @NAME@ of abusehandler, as the user of the bots and with their environment.
name=@NAME@
program=/opt/abusehandler/current/venv/bin/$name
if [ "$name" = abusehandler ] && [ "${1:-}" = deliver ] && [ -e /opt/abusehandler/upgrading ]; then
    echo "abusehandler deliver: an upgrade is under way, try again later" >&2
    exit 75 # EX_TEMPFAIL: the mail server keeps the mail
fi
INTELMQ_ROOT_DIR=/opt/abusehandler/root
PATH=/opt/abusehandler/current/venv/bin:/usr/sbin:/usr/bin:/sbin:/bin
PYTHONWARNINGS=ignore
export INTELMQ_ROOT_DIR PATH PYTHONWARNINGS
user=$(id -un)
if [ "$user" = intelmq ]; then
    # a mail server takes any other exit code for a refusal and sends the mail back; also when Python does not even start
    case "$name $*" in "abusehandler deliver") "$program" deliver || exit 75; exit 0 ;; esac
    exec "$program" "$@"
elif [ "$user" != root ]; then
    echo "$name: run this with sudo, or as user intelmq" >&2
    exit 77 # EX_NOPERM
fi
# systemd is the process manager: what it starts, it watches
if [ "$name" = intelmqctl ] && [ -d /run/systemd/system ]; then
    case "${1:-} ${2:-}" in
        "start -"* | "restart -"*) ;;
        "start " | "restart ") exec systemctl "$1" abusehandler.target ;;
        "start "* | "restart "*) exec systemctl "$1" "abusehandler-bot@$2.service" ;;
    esac
fi
# these work on systemd and on root's files
case "$name ${1:-}" in "abusehandler units") exec "$program" "$@" ;; esac
HOME=/var/lib/abusehandler
export HOME
exec runuser -u intelmq -- "$program" "$@"
