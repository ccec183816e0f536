#!/usr/bin/env bash
# Copyright (c) 2026 the muster.fleet authors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
#
# Run by `make integration`: every scenario of molecule/, against the installed collection.

set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
export MOLECULE_GLOB='molecule/*/molecule.yml'
[ -t 1 ] || export NO_COLOR=1
for scenario in molecule/*/; do # by name: `--all` also looks for a scenario called default
    name=$(basename "$scenario")
    molecule -c .config/molecule/config.yml reset --scenario-name "$name" >/dev/null 2>&1 # or it trusts what it prepared before
    molecule -c .config/molecule/config.yml test --scenario-name "$name"
done
