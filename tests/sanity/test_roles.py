# Copyright (c) 2026 the muster.fleet authors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Every role has the same shape, and says in its specification exactly what its defaults hold."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

ROLES = sorted(path for path in (Path(__file__).resolve().parents[2] / "roles").iterdir() if (path / "tasks").is_dir())
SHAPE = (
    "README.md",
    "defaults/main.yml",
    "handlers/main.yml",
    "meta/argument_specs.yml",
    "meta/main.yml",
    "tasks/main.yml",
    "vars/main.yml",
)
each_role = pytest.mark.parametrize("role", ROLES, ids=lambda role: role.name)


def load(path: Path) -> Any:
    return yaml.safe_load(path.read_text(encoding="utf-8")) or {}


def options(role: Path) -> dict[str, dict[str, Any]]:
    """Return the options of all entry points of a role."""
    points = load(role / "meta" / "argument_specs.yml")["argument_specs"].values()
    return {name: option for point in points for name, option in (point.get("options") or {}).items()}


@each_role
def test_role_has_the_seven_files(role: Path) -> None:
    assert [name for name in SHAPE if not (role / name).is_file()] == []


@each_role
def test_defaults_and_specification_hold_the_same_names(role: Path) -> None:
    defaults = set(load(role / "defaults" / "main.yml"))
    required = {name for name, option in options(role).items() if option.get("required")}
    assert defaults | required == set(options(role))
    assert defaults & required == set(), "a required option has no default"


@each_role
def test_defaults_are_told_truthfully(role: Path) -> None:
    """A default in the specification is only documentation, so it may drift: it must equal the real one."""
    defaults = load(role / "defaults" / "main.yml")
    told = {name: option["default"] for name, option in options(role).items() if "default" in option}
    templates = {name for name in told if "{{" in str(defaults.get(name))}
    assert {k: v for k, v in told.items() if k not in templates} == {
        k: defaults.get(k) for k in told if k not in templates
    }


@each_role
def test_variables_carry_the_name_of_their_role(role: Path) -> None:
    internal = set(load(role / "vars" / "main.yml"))
    assert [name for name in options(role) if not name.startswith((f"{role.name}_", "muster_"))] == []
    assert [name for name in internal if not name.startswith(f"__{role.name}_")] == []
