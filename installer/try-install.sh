#!/usr/bin/env bash
# SPDX-FileCopyrightText: 2026 the abusehandler authors
# SPDX-License-Identifier: AGPL-3.0-or-later
#
# The whole installer, tried in a fresh Debian tree: install twice, samples, upgrade, failed upgrade, backup, remove.
#
#   sudo installer/try-install.sh [bookworm|trixie] [--log FILE]
#
# Needs debootstrap and about 4 GB in ABUSEHANDLER_FOLDER (/var/tmp/abusehandler-try-install). The mirror is the one of this
# machine's own sources; pip's settings (/etc/pip.conf, PIP_*) come along. systemd does not run in the tree. ABUSEHANDLER_BIND
# names folders that the tree must see, too. The upgrade is from the previous commit (ABUSEHANDLER_PREVIOUS: another, or none).
set -eu -o pipefail
source_folder=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
suite=bookworm log=
while [ $# -gt 0 ]; do
    case "$1" in
        bookworm | trixie) suite=$1 ;;
        --log) log=$2; shift ;;
        *) sed -n '5,11s/^# \{0,1\}//p' "$0"; exit 2 ;;
    esac
    shift
done
[ "$(id -u)" = 0 ] || { echo "try-install.sh makes a tree with debootstrap and must be root" >&2; exit 1; }
command -v debootstrap >/dev/null || { echo "debootstrap is missing: apt-get install debootstrap" >&2; exit 1; }

folder=${ABUSEHANDLER_FOLDER:-/var/tmp/abusehandler-try-install}
tree=$folder/$suite base=$folder/$suite.tar
mkdir -p "$folder"
mirror=$({ cat /etc/apt/sources.list /etc/apt/sources.list.d/debian.sources 2>/dev/null || true; } \
    | sed -n 's/^URIs: *\([^ ]*\).*/\1/p; s/^deb \(\[[^]]*\] \)\{0,1\}\([^ ]*\) .*/\2/p' | head -n 1)
if [ ! -s "$base" ]; then
    echo "-- debootstrap $suite"
    rm -rf -- "$tree"
    debootstrap --variant=minbase "$suite" "$tree" "$mirror" >"$folder/$suite.debootstrap.log"
    tar -C "$tree" -cf "$base.new" . && mv "$base.new" "$base"
fi
rm -rf -- "$tree"
mkdir "$tree"
tar -C "$tree" -xf "$base"
cp /etc/resolv.conf /etc/hosts "$tree/etc/"
cp /etc/apt/apt.conf.d/*proxy* /etc/apt/apt.conf.d/99* "$tree/etc/apt/apt.conf.d/" 2>/dev/null || true
[ -f /etc/pip.conf ] && cp /etc/pip.conf "$tree/etc/"
mkdir -p "$tree/trial/present" "$tree/trial/previous" "$tree/pip-cache"
# this machine's certificate authorities, beside those that the tree installs
cp /etc/ssl/certs/ca-certificates.crt "$tree/trial/ca.crt"
# as in a container: packages do not start their servers by themselves
printf '#!/bin/sh\nexit 101\n' >"$tree/usr/sbin/policy-rc.d"
chmod +x "$tree/usr/sbin/policy-rc.d"
tar -C "$source_folder" --exclude=./.git --exclude='./.*' --exclude='*.egg-info' --exclude=__pycache__ --exclude=./build -cf - . \
    | tar -C "$tree/trial/present" -xf -
previous=${ABUSEHANDLER_PREVIOUS:-HEAD}
if [ "$previous" != none ] && git -C "$source_folder" cat-file -e "$previous:installer/install.sh" 2>/dev/null; then
    # a clean checkout is HEAD itself
    if [ "$previous" = HEAD ] && git -C "$source_folder" diff --quiet HEAD; then previous=HEAD~1; fi
    git -C "$source_folder" archive "$previous" | tar -C "$tree/trial/previous" -xf -
    echo "the first install is of commit $(git -C "$source_folder" rev-parse --short "$previous")"
else
    cp -a "$tree/trial/present/." "$tree/trial/previous/"
    sed -i 's/^__version__ = .*/__version__ = "0.0.1"/' "$tree/trial/previous/abusehandler/__init__.py"
    echo "the first install is of this source under an older version number"
fi

inside() {
    # shellcheck disable=SC2016
    unshare --mount --pid --fork -- bash -c '
        set -e
        tree=$1
        mount --make-rprivate /
        mount -t proc proc "$tree/proc"
        mount --bind /dev "$tree/dev"
        mkdir -p "$2/pip-cache" && mount --bind "$2/pip-cache" "$tree/pip-cache"
        mkdir -p "$2/apt-$3" && mount --bind "$2/apt-$3" "$tree/var/cache/apt/archives"
        for extra in $ABUSEHANDLER_BIND; do mkdir -p "$tree$extra"; mount --bind "$extra" "$tree$extra"; done
        exec chroot "$tree" env -i PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin HOME=/root LC_ALL=C.UTF-8 \
            "${@:4}" PIP_CACHE_DIR=/pip-cache PIP_CERT=/trial/ca.crt bash /trial/present/installer/try-install-inside.sh
    ' inside "$tree" "$folder" "$suite" "${pip_settings[@]}"
}
export ABUSEHANDLER_BIND=${ABUSEHANDLER_BIND:-}
mapfile -t pip_settings < <(env | grep '^PIP_' || true)
echo 'APT::Keep-Downloaded-Packages "true"; Binary::apt::APT::Keep-Downloaded-Packages "true";' >"$tree/etc/apt/apt.conf.d/50keep"
status=0
if [ -n "$log" ]; then
    # no name of this machine's mirrors and package indexes goes into a log that others read
    inside 2>&1 | sed -u -E 's#(https?|file)://[^ ]+#\1://…#g; s/\x1b\[[0-9;]*m//g' | tee "$log" || status=1
else
    inside || status=$?
fi
exit "$status"
