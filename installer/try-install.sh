#!/usr/bin/env bash
# SPDX-FileCopyrightText: 2026 the abusehandler authors
# SPDX-License-Identifier: AGPL-3.0-or-later
#
# The whole installer, tried in a fresh Debian tree: install twice, samples, upgrade, failed upgrade, backup, remove; then
# in a second one, which never had it: restore of that backup, and the installation by hand; in a third one an installation
# that is killed in every step.
#
#   sudo installer/try-install.sh [bookworm|trixie|jammy|noble] [--tree 1|2|3] [--log FILE]
#
# --tree runs one of the three alone; the second takes the backup that the first has left.
#
# Needs debootstrap, openssl and about 4 GB in ABUSEHANDLER_FOLDER (/var/tmp/abusehandler-try-install). The mirror is the one
# of this machine's own sources; pip's settings (/etc/pip.conf, PIP_*) come along. systemd does not run in the tree,
# and its servers take this machine's ports (25, 80, 443, 5432), so one at a time.
# ABUSEHANDLER_BIND names folders that the tree must see, too. The upgrade is from the last commit that differs
# (ABUSEHANDLER_PREVIOUS: another, or none).
set -eu -o pipefail
source_folder=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
suite=bookworm log='' trees='1 2 3'
while [ $# -gt 0 ]; do
    case "$1" in
        bookworm | trixie | jammy | noble) suite=$1 ;;
        --log) log=$2; shift ;;
        --tree) trees=$2; shift ;;
        *) sed -n '5,17s/^# \{0,1\}//p' "$0"; exit 2 ;;
    esac
    shift
done
[ "$(id -u)" = 0 ] || { echo "try-install.sh makes a tree with debootstrap and must be root" >&2; exit 1; }
for program in debootstrap openssl; do
    command -v "$program" >/dev/null || { echo "$program is missing: apt-get install $program" >&2; exit 1; }
done
case "$trees" in '1 2 3' | 1 | 2 | 3) ;; *) echo "--tree $trees: write 1, 2 or 3" >&2; exit 2 ;; esac

folder=${ABUSEHANDLER_FOLDER:-/var/tmp/abusehandler-try-install}
tree=$folder/$suite base=$folder/$suite.tar
mkdir -p "$folder"
mirror=$({ cat /etc/apt/sources.list /etc/apt/sources.list.d/debian.sources 2>/dev/null || true; } \
    | sed -n 's/^URIs: *\([^ ]*\).*/\1/p; s/^deb \(\[[^]]*\] \)\{0,1\}\([^ ]*\) .*/\2/p' | head -n 1)
if [ ! -s "$base" ]; then
    echo "-- debootstrap $suite"
    rm -rf -- "$tree"
    case "$suite" in
        jammy | noble)
            # Debian's debootstrap knows the way of all of Ubuntu by one script; where Ubuntu's keys are not here, TLS tells who it is
            mirror=${ABUSEHANDLER_UBUNTU:-https://archive.ubuntu.com/ubuntu}
            debootstrap --extractor=dpkg-deb --variant=minbase --components=main,universe --no-check-gpg "$suite" "$tree" "$mirror" \
                /usr/share/debootstrap/scripts/jammy >"$folder/$suite.debootstrap.log"
            # no certificate authorities in the tree yet; there are Ubuntu's keys
            sed -i 's#https://#http://#' "$tree/etc/apt/sources.list"
            ;;
        *) debootstrap --variant=minbase "$suite" "$tree" "$mirror" >"$folder/$suite.debootstrap.log" ;;
    esac
    tar -C "$tree" -cf "$base.new" . && mv "$base.new" "$base"
fi
# Usage: fresh FOLDER    unpacks the tree there, with what it needs of this machine and the source
fresh() {
    # should ever a folder of this machine be mounted in it, it is not emptied
    rm -rf --one-file-system -- "$1"
    mkdir "$1"
    tar -C "$1" -xf "$base"
    cp /etc/resolv.conf /etc/hosts "$1/etc/"
    cp /etc/apt/apt.conf.d/*proxy* /etc/apt/apt.conf.d/99* "$1/etc/apt/apt.conf.d/" 2>/dev/null || true
    echo 'APT::Keep-Downloaded-Packages "true"; Binary::apt::APT::Keep-Downloaded-Packages "true"; APT::Get::Assume-Yes "true";' \
        >"$1/etc/apt/apt.conf.d/50trial"
    if [ -f /etc/pip.conf ]; then cp /etc/pip.conf "$1/etc/"; fi
    mkdir -p "$1/trial/previous" "$1/pip-cache"
    # this machine's certificate authorities, beside those that the tree installs
    cp /etc/ssl/certs/ca-certificates.crt "$1/trial/ca.crt"
    # as in a container: packages do not start their servers by themselves
    printf '#!/bin/sh\nexit 101\n' >"$1/usr/sbin/policy-rc.d"
    chmod +x "$1/usr/sbin/policy-rc.d"
    cp -a "$folder/$suite-source" "$1/trial/present"
    cp "$folder/cert.pem" "$folder/key.pem" "$1/trial/"
    # nobody pulls the plug of this machine meanwhile
    echo force-unsafe-io >"$1/etc/dpkg/dpkg.cfg.d/trial"
}
# the same source in all trees, also when somebody works on it
rm -rf --one-file-system -- "$folder/$suite-source"
mkdir "$folder/$suite-source"
tar -C "$source_folder" --exclude=./.git --exclude='./.*' --exclude='*.egg-info' --exclude=__pycache__ --exclude=./build -cf - . \
    | tar -C "$folder/$suite-source" -xf -
openssl req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=abuse.example.net -keyout "$folder/key.pem" -out "$folder/cert.pem" 2>/dev/null
# The last commit whose program is another than this one.
previous_commit() {
    local commit=HEAD
    while git -C "$source_folder" cat-file -e "$commit:installer/install.sh" 2>/dev/null; do
        git -C "$source_folder" diff --quiet "$commit" -- setup.py abusehandler bots reports reporters crm_connector tickets portal templates \
            harmonization runtime installer || { git -C "$source_folder" rev-parse --short "$commit"; return; }
        commit=$commit~1
    done
    echo none
}
# Usage: inside FOLDER SCRIPT    runs a script of installer/ in a tree
inside() {
    # shellcheck disable=SC2016
    unshare --mount --pid --uts --fork -- bash -c '
        set -e
        tree=$1
        hostname abuse
        mount --make-rprivate /
        mount -t proc proc "$tree/proc"
        mount --bind /dev "$tree/dev"
        mount -t devpts -o newinstance,ptmxmode=0666 devpts "$tree/dev/pts"
        mkdir -p "$2/pip-cache" && mount --bind "$2/pip-cache" "$tree/pip-cache"
        mkdir -p "$2/apt-$3" && mount --bind "$2/apt-$3" "$tree/var/cache/apt/archives"
        for extra in $ABUSEHANDLER_BIND; do mkdir -p "$tree$extra"; mount --bind "$extra" "$tree$extra"; done
        exec chroot "$tree" env -i PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin HOME=/root LC_ALL=C.UTF-8 \
            "${@:5}" PIP_CACHE_DIR=/pip-cache PIP_CERT=/trial/ca.crt bash "/trial/present/installer/$4"
    ' inside "$1" "$folder" "$suite" "$2" "${pip_settings[@]}"
}
export ABUSEHANDLER_BIND=${ABUSEHANDLER_BIND:-}
mapfile -t pip_settings < <(env | grep '^PIP_' || true)
first_tree() {
    fresh "$tree"
    local previous=${ABUSEHANDLER_PREVIOUS:-$(previous_commit)}
    if [ "$previous" != none ]; then
        git -C "$source_folder" archive "$previous" | tar -C "$tree/trial/previous" -xf -
        echo "the first install is of commit $previous"
    else
        cp -a "$tree/trial/present/." "$tree/trial/previous/"
        sed -i 's/^__version__ = .*/__version__ = "0.0.1"/' "$tree/trial/previous/abusehandler/__init__.py"
        echo "the first install is of this source under an older version number"
    fi
    inside "$tree" try-install-inside.sh
}
second_tree() {
    [ -e "$tree/var/backups/abusehandler/tickets" ] || { echo "FAILED: the first tree has left no backup for the second"; return 1; }
    fresh "$tree-second"
    # only the backup goes from one machine to the other, and the operator's own certificate
    mkdir "$tree-second/backups"
    cp -a "$tree/var/backups/abusehandler/." "$folder/cert.pem" "$folder/key.pem" "$tree-second/backups/"
    inside "$tree-second" try-restore-inside.sh
}
third_tree() {
    fresh "$tree-third"
    inside "$tree-third" try-killed-inside.sh
}
all() {
    local status=0 number
    for number in $trees; do
        case "$number" in
            1) first_tree ;;
            2) second_tree ;;
            3) third_tree ;;
        esac || status=1
    done
    return "$status"
}
status=0
if [ -n "$log" ]; then
    # no name of this machine's mirrors and package indexes goes into a log that others read
    all 2>&1 | sed -u -E 's#(https?|file)://[^ ]+#\1://…#g; s/\x1b\[[0-9;]*m//g' | tee "$log" || status=1
else
    all || status=$?
fi
exit "$status"
