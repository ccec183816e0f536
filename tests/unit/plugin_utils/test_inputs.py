# Copyright (c) 2026 the muster.fleet authors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""A variable that looks like a role's and is none would be ignored in silence, so it is named."""

from __future__ import annotations

import pytest

from ansible_collections.muster.fleet.plugins.plugin_utils.inputs import misspelt


@pytest.mark.parametrize(
    ("name", "role", "meant"),
    [
        ("verify_proflie", "verify", "verify_profile"),
        ("deploy_cannary", "deploy", "deploy_canary"),
        ("deploy_expected_host", "deploy", "deploy_expected_hosts"),
        ("rollback_too", "rollback", "rollback_to"),
    ],
)
def test_misspelt_variable_is_named_with_the_right_one(name, role, meant):
    assert misspelt({name: 1, meant: 1}, role) == [f"{name} is not a variable of role {role}; did you mean {meant}?"]


def test_variable_of_somebody_else_is_left_alone():
    """``deploy_`` is a common prefix."""
    assert (
        misspelt({"deploy_environment": "x", "deploy_services": {}, "deployment": 1, "verify_ssl": True}, "deploy")
        == []
    )


def test_prefix_that_is_the_roles_own_is_watched():
    assert misspelt({"verify_ssl": True}, "verify", always=True) == ["verify_ssl is not a variable of role verify"]
