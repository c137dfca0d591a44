# SPDX-FileCopyrightText: 2026 the abusehandler authors
# SPDX-License-Identifier: AGPL-3.0-or-later
# Read by try.sh and test.sh: finds a Python, leaves root behind, makes the virtual environment.
# shellcheck shell=bash

say() { printf -- '-- %s\n' "$*"; }
fail() { printf '%s\n' "$*" >&2; exit 1; }

# PostgreSQL and the bots refuse to run as root, so root goes on as `nobody`, with a copy of the source that nobody can read.
# Usage: leave_root SCRIPT FOLDER ARGUMENTS...   (returns only for an ordinary user)
leave_root() {
    local script=$1 folder=$2
    shift 2
    [ "$(id -u)" = 0 ] || return 0
    command -v setpriv >/dev/null || fail "setpriv is missing: apt-get install util-linux"
    install_for_root "$script"
    rm -rf -- "$folder/source"
    mkdir -p "$folder/source"
    tar -C "$source_folder" --exclude=./.git --exclude=./.tryout --exclude=./.test-venv --exclude='*.egg-info' \
        --exclude=__pycache__ --exclude='.*_cache' -cf - . | tar -C "$folder/source" -xf -
    chown -R nobody: "$folder"
    say "root is not wanted here: going on as user nobody in $folder"
    cd "$folder" || exit 1
    exec setpriv --reuid=nobody --regid="$(id -g nobody)" --clear-groups \
        env HOME="$folder" PYTHON="$python" ABUSEHANDLER_FOLDER="$folder" bash "$folder/source/installer/$script" "$@"
}

# What Debian leaves out of python3, Redis, and for the tests Dovecot, where we may install it.
install_for_root() {
    local wanted=()
    [ "$1" = test.sh ] && [ ! -x /usr/sbin/dovecot ] && [ -z "$(command -v dovecot)" ] && wanted+=(dovecot-imapd)
    [ "$1" = test.sh ] && [ -z "$(command -v openssl)" ] && wanted+=(openssl)
    python=$(find_python as_nobody) || wanted+=(python3)
    [ -n "$python" ] && ! as_nobody "$python" -c 'import ensurepip, venv' 2>/dev/null && wanted+=(python3-venv)
    if [ -n "$python" ] && ! as_nobody "$python" -c 'import platform, sys; sys.exit(sys.version_info >= (3, 13) or platform.machine() != "x86_64")'; then
        command -v redis-server >/dev/null || command -v valkey-server >/dev/null || wanted+=(redis-server)
    fi
    [ "${#wanted[@]}" = 0 ] && return
    command -v apt-get >/dev/null || fail "please install: ${wanted[*]}"
    say "installing ${wanted[*]}"
    apt-get update -qq && RUNLEVEL=1 DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "${wanted[@]}" >/dev/null \
        || fail "apt-get could not install ${wanted[*]}"
    python=$(find_python as_nobody) || fail "no Python 3.10 to 3.13 was found"
}

as_nobody() { setpriv --reuid=nobody --regid="$(id -g nobody)" --clear-groups "$@"; }

# The newest suitable Python that can be run; $1 is a command put before it.
find_python() {
    local name
    for name in "${PYTHON:-}" /usr/bin/python3 python3 python3.13 python3.12 python3.11 python3.10; do
        [ -n "$name" ] && command -v "$name" >/dev/null || continue
        name=$(command -v "$name")
        if ${1:-} "$name" -c 'import sys; sys.exit(not (3, 10) <= sys.version_info < (3, 14))' 2>/dev/null; then
            echo "$name"
            return 0
        fi
    done
    return 1
}

# Usage: make_venv FOLDER REQUIREMENT...   Installs once; again only when the source has changed (with -e: its requirements).
make_venv() {
    local venv=$1 stamp
    shift
    python=$(find_python) || fail "Python 3.10 to 3.13 is needed: sudo apt-get install python3 python3-venv"
    # a new bot is a new script; without -e, all that is installed counts
    local parts="setup.py pyproject.toml installer/constraints.txt"
    [ "$1" = -e ] || parts="$parts abusehandler bots reports reporters crm_connector tickets portal templates harmonization runtime installer"
    stamp="$(cd "$source_folder" && find $parts -type f -not -name '*.pyc' -print0 | sort -z | xargs -0 cat | cksum; cd "$source_folder" && ls bots/*/*.py | cksum) $* $("$python" -V)"
    [ -x "$venv/bin/pip" ] && [ "$(cat "$venv/stamp" 2>/dev/null)" = "$stamp" ] && return 0
    "$python" -c 'import ensurepip, venv' 2>/dev/null || fail "Python's venv is missing: sudo apt-get install python3-venv"
    say "making a virtual environment in $venv and installing into it (about a minute)"
    "$python" -m venv "$venv" || fail "the virtual environment could not be made in $venv"
    "$venv/bin/pip" install --quiet --disable-pip-version-check -c "$source_folder/installer/constraints.txt" "$@" \
        || fail "pip could not install everything; look at the lines above: is the network there, is the disk full?"
    echo "$stamp" > "$venv/stamp"
}
