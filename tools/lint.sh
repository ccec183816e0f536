#!/usr/bin/env bash
# Copyright (c) 2026 the muster.fleet authors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
#
# Run by `make lint`. Every tool runs, also after another one complained; the last line names those that did.

set -uo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.." || exit

# Ansible's tools find a collection by the folders around it. The tree lies outside the checkout, because
# they would otherwise follow the link into itself.
tree=$(mktemp -d -t muster-lint-XXXXXX)
trap 'rm -rf "$tree"' EXIT
mkdir -p "$tree/ansible_collections/muster"
ln -s "$PWD" "$tree/ansible_collections/muster/fleet"
export ANSIBLE_COLLECTIONS_PATH=$tree NO_COLOR=1

complained=()
check() { # NAME COMMAND ...
    local name=$1
    shift
    echo "--- $name"
    "$@" || complained+=("$name")
}

typed() { # through the tree, so that ansible_collections.muster.fleet resolves as it does in Ansible
    (cd "$tree" && MYPYPATH=$tree mypy --config-file "$tree/ansible_collections/muster/fleet/pyproject.toml" \
        -p ansible_collections.muster.fleet.plugins -p ansible_collections.muster.fleet.lab)
}

check "ruff check" ruff check --output-format concise .
check "ruff format" ruff format --check --output-format concise .
check "mypy" typed
check "yamllint" yamllint --strict .
check "ansible-lint" ansible-lint --offline
check "antsibull-docs" antsibull-docs lint-collection-docs --plugin-docs --skip-rstcheck --validate-collection-refs self .
check "antsibull-changelog" antsibull-changelog lint
check "layout" pytest -q --tb=short tests/sanity

if [ ${#complained[@]} -gt 0 ]; then
    printf -v names ', %s' "${complained[@]}"
    echo "lint: failed: ${names:2}"
    exit 1
fi
echo "lint: passed"
