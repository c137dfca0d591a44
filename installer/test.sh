#!/usr/bin/env bash
# SPDX-FileCopyrightText: 2026 the abusehandler authors
# SPDX-License-Identifier: AGPL-3.0-or-later
#
# All checks: ruff, mypy, pytest, with PostgreSQL, Redis and mail servers of their own.
#
#   installer/test.sh                     everything
#   installer/test.sh tests/tickets -x    pytest alone, with these arguments
#   installer/test.sh run SCRIPT ...      a Python script of this source in the same environment (benchmarks)
#
# ABUSEHANDLER_FOLDER names another folder for the virtual environment than .test-venv in the checkout
# (as root: /var/tmp/abusehandler-test). ABUSEHANDLER_CORPUS names a folder of real reports, where there is one.
set -u
source_folder=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
# shellcheck source=unprivileged.sh
. "$source_folder/installer/unprivileged.sh"

case "${1:-}" in -h | --help) sed -n '5,13s/^# \{0,1\}//p' "$0"; exit 0 ;; esac

leave_root test.sh "${ABUSEHANDLER_FOLDER:-/var/tmp/abusehandler-test}" "$@"

folder=${ABUSEHANDLER_FOLDER:-$source_folder/.test-venv}
mkdir -p "$folder" || exit 1
make_venv "$folder/venv" -e "$source_folder[test,tryout]" >&2
export PATH="$folder/venv/bin:$PATH"
cd "$source_folder" || exit 1

if [ "${1:-}" = run ]; then
    shift
    exec python "$@"
elif [ "$#" -gt 0 ]; then
    exec python -m pytest "$@"
fi

failed=0
check() { say "$1"; shift; "$@" || failed=1; }

# mypy does not see the mapping of setup.py, so it gets the package as links.
rm -rf .mypy && mkdir -p .mypy/abusehandler
for part in abusehandler/* bots reports reporters crm_connector tickets portal templates harmonization runtime installer; do
    ln -s "../../$part" ".mypy/abusehandler/${part##*/}"
done

check "ruff check" ruff check --quiet .
check "ruff format" ruff format --check --quiet .
check "mypy" mypy -p abusehandler
# a file of tests stays with one worker, which has servers of its own; those that wait longest begin. One worker more
# than cores: the tests wait for servers two fifths of the time.
workers=$(($(nproc) + 1))
check "pytest" python -m pytest -q -n "$workers" --maxprocesses 5 --dist loadfile --no-loadscope-reorder tests/whole_way tests
exit "$failed"
