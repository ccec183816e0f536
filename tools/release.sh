#!/usr/bin/env bash
# Copyright (c) 2026 the muster.fleet authors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
#
# Run by `make release`: the tests on real machines, file by file side by side. They kill, stall and fill things, and a busy
# machine can be late for one of them: what failed is run once more by itself, and is said to have been.

set -uo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
again=.build/not-run-at-first
rm -f "$again"

pytest --numprocesses 3 --dist loadfile tests/release "$@"
status=$?
[ "$status" = 1 ] || exit "$status"
pytest --last-failed --last-failed-no-failures none -v tests/release "$@" || exit
echo "AGAIN: tests of make release failed side by side and passed by themselves, see above" | tee "$again"
