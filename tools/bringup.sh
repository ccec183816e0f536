#!/usr/bin/env bash
# Copyright (c) 2026 the muster.fleet authors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
#
# Run by `make bringup`: the playbook, then once more what it came to, as Ansible's own recap comes last otherwise.

set -uo pipefail
started=$(mktemp)
ansible-playbook muster.fleet.bringup "$@"
status=$?
closing=reports/latest/closing.txt
[ "$closing" -nt "$started" ] && { echo; cat "$closing"; }
rm -f "$started"
exit "$status"
