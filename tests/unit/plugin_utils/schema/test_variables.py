# Copyright (c) 2026 the muster.fleet authors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""A variable that looks like the collection's and is none would be ignored in silence, so it is refused or named."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from ansible_collections.muster.fleet.plugins.plugin_utils.files import ROLES, BadInput
from ansible_collections.muster.fleet.plugins.plugin_utils.schema import variables
from ansible_collections.muster.fleet.plugins.plugin_utils.schema.variables import Stray

COLLECTION = ROLES.parent
METRICS = ("muster_run_", "muster_host_", "muster_readiness_", "muster_check_")  # names in muster.prom
GROUPS = {"muster_refused", "muster_rollout"}  # groups of hosts
DIRECTORIES = {"muster_report", "muster_attest"}


def named() -> set[str]:
    """Return every name with the shared prefix that playbooks, roles and plugins use."""
    places = [*COLLECTION.glob("playbooks/*.yml"), *ROLES.rglob("*.yml"), *COLLECTION.glob("plugins/action/*.py")]
    found = {name for path in places for name in re.findall(r"\bmuster_[a-z_]+", path.read_text(encoding="utf-8"))}
    return {name for name in found if not name.startswith(METRICS)} - GROUPS


def test_every_shared_name_is_declared() -> None:
    assert named() - variables.shared() == set()


@pytest.mark.parametrize("name", sorted(variables.shared()))
def test_shared_name_is_known_and_misspelt_is_refused(name: str) -> None:
    assert variables.strays({name: 1}) == []
    (stray,) = variables.strays({f"{name}x": 1})
    assert stray.refused
    assert stray.text.startswith(f"{name}x is not a variable of muster.fleet; did you mean muster_")


@pytest.mark.parametrize(("role", "name"), sorted((r, n) for r, names in variables.of_roles().items() for n in names))
def test_variable_of_a_role_is_known_and_misspelt_is_refused(role: str, name: str) -> None:
    assert variables.strays({name: 1}) == []
    if len(name.removeprefix(f"{role}_")) < 3:
        return  # two letters resemble too much
    wrong = f"{name}x"
    assert variables.strays({wrong: 1})[0].refused
    assert f"{wrong} is not a variable of role {role}; did you mean {role}_" in variables.strays({wrong: 1})[0].text


@pytest.mark.parametrize(
    ("wrong", "meant"),
    [
        ("muster_clas", "muster_class"),
        ("muster_expected_host", "muster_expected_hosts"),
        ("verify_phase", "verify_phases"),
        ("golive_whoo", "golive_who"),
        ("verify_proflie", "verify_profile"),
        ("deploy_cannary", "deploy_canary"),
        ("deploy_expected_host", "deploy_expected_hosts"),
        ("rollback_too", "rollback_to"),
    ],
)
def test_the_right_one_is_named(wrong: str, meant: str) -> None:
    with pytest.raises(BadInput, match=f"{wrong} is not a variable of .*; did you mean {meant}\\?"):
        variables.refuse({wrong: 1, meant: 1})


def test_variable_of_somebody_else_is_left_alone() -> None:
    """``deploy_`` is a common prefix."""
    assert (
        variables.strays({"deploy_environment": "x", "deploy_services": {}, "deployment": 1, "record_label": 1}) == []
    )


def test_prefix_that_is_the_collections_own_is_watched() -> None:
    assert variables.strays({"verify_ssl": True}) == [Stray("verify_ssl is not a variable of role verify", False)]
    assert variables.refuse({"verify_ssl": True}) == ["verify_ssl is not a variable of role verify"]
    with pytest.raises(BadInput, match="muster_colour is not a variable of muster.fleet"):
        variables.refuse({"muster_colour": "red"})


def test_place_is_named_where_ansible_knows_it(tmp_path: Path) -> None:
    from ansible.parsing.dataloader import DataLoader

    path = tmp_path / "all.yml"
    path.write_text("---\nmuster_slot: 1\nmuster_clas: hgx_h100\n", encoding="utf-8")
    said = variables.strays(DataLoader().load_from_file(str(path)))
    assert [stray.text.partition(" (")[2] for stray in said] == [f"{path}:3)"]
