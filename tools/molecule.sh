#!/usr/bin/env bash
# Copyright (c) 2026 the muster.fleet authors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
#
#   tools/molecule.sh simulated   run by `make integration`: the scenarios of molecule/ whose machines are recordings
#   tools/molecule.sh real        run by `make release`: those that create machines; skipped, and said so, without Docker

set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
export MOLECULE_GLOB='molecule/*/molecule.yml'
[ -t 1 ] || export NO_COLOR=1
not_run=.build/not-run-molecule
rm -f "$not_run"

scenarios=() # by name: `--all` also looks for a scenario called default
for scenario in molecule/*/; do
    if [ -f "$scenario/create.yml" ]; then kind=real; else kind=simulated; fi
    [ "$kind" != "$1" ] || scenarios+=("$(basename "$scenario")")
done

if [ "$1" = real ]; then # turned on once for all of them
    status=0
    said=$(cd tests/release && python -m rack up molecule "$PWD/../../.build/molecule-rack" 2>&1) || status=$?
    if [ "$status" = 3 ]; then
        echo "NOT RUN: ${#scenarios[@]} Molecule scenarios (${scenarios[*]}) were skipped, Docker cannot run: ${said##*rack: }" |
            tee "$not_run"
        exit 0
    fi
    [ "$status" = 0 ] || { echo "$said" >&2; exit "$status"; }
    trap 'cd tests/release && python -m rack down molecule' EXIT
fi

for name in "${scenarios[@]}"; do
    molecule -c .config/molecule/config.yml reset --scenario-name "$name" >/dev/null 2>&1 # or it trusts what it prepared before
    molecule -c .config/molecule/config.yml test --scenario-name "$name"
done
