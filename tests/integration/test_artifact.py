# Copyright (c) 2026 the muster.fleet authors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The file that goes to Galaxy holds what a user needs and nothing else, and Galaxy would take it."""

from __future__ import annotations

import json
import tarfile
from pathlib import Path

import pytest

from .conftest import BIN, Run

RUNTIME = ("plugins", "roles", "playbooks", "meta")
ALLOWED = {*RUNTIME, "README.md", "LICENSE", "CHANGELOG.md", "changelogs", "docs", "FILES.json", "MANIFEST.json"}
NOT_PLUGINS = {"module_utils", "plugin_utils", "doc_fragments", "modules"}


@pytest.fixture(scope="module")
def content(artifact: Path) -> set[str]:
    """The names of the files in the artefact."""
    with tarfile.open(artifact) as archive:
        return {member.name for member in archive.getmembers() if member.isfile()}


def documented(checkout: Path) -> list[tuple[str, str]]:
    """Return type and full name of everything that ``ansible-doc`` should know."""
    plugins = checkout / "plugins"
    kinds = [("module", plugins / "modules")]
    kinds += [(path.name, path) for path in plugins.iterdir() if path.is_dir() and path.name not in NOT_PLUGINS]
    # An action plugin is documented by the module of its name.
    return [
        (kind, f"muster.fleet.{file.stem}")
        for kind, folder in kinds
        if kind != "action"
        for file in folder.glob("[!_]*.py")
    ]


def test_nothing_but_the_run_time(content: set[str]) -> None:
    assert {name.split("/")[0] for name in content} <= ALLOWED
    assert [name for name in content if name.endswith(".pyc") or "__pycache__" in name or "/." in f"/{name}"] == []


def test_nothing_needed_is_missing(content: set[str], checkout: Path) -> None:
    wanted = {
        str(path.relative_to(checkout))
        for top in RUNTIME
        for path in (checkout / top).rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    }
    assert wanted - content == set()
    assert {"README.md", "LICENSE"} <= content


def test_ansible_doc_knows_every_plugin(checkout: Path, collections: Path, run: Run, tmp_path: Path) -> None:
    names = documented(checkout)
    assert any(kind == "module" for kind, name in names)
    for kind in sorted({kind for kind, name in names}):
        wanted = {name for its_kind, name in names if its_kind == kind}
        told = run(BIN / "ansible-doc", "--json", "-t", kind, *sorted(wanted), cwd=tmp_path)
        assert told.returncode == 0, told.stderr
        assert set(json.loads(told.stdout)) == wanted
        assert "[ERROR]" not in told.stderr, told.stderr


def test_ansible_doc_knows_every_role(checkout: Path, collections: Path, run: Run, tmp_path: Path) -> None:
    told = run(BIN / "ansible-doc", "--json", "-t", "role", "--list", "muster.fleet", cwd=tmp_path)
    assert told.returncode == 0, told.stderr
    roles = {path.parent.name for path in (checkout / "roles").glob("*/tasks")}
    assert set(json.loads(told.stdout)) == {f"muster.fleet.{role}" for role in roles}


def test_every_playbook_is_found_by_its_full_name(
    checkout: Path, collections: Path, lab: Path, run: Run, tmp_path: Path
) -> None:
    playbooks = [f"muster.fleet.{path.stem}" for path in sorted((checkout / "playbooks").glob("*.yml"))]
    assert "muster.fleet.bringup" in playbooks
    for playbook in playbooks:
        checked = run(BIN / "ansible-playbook", "--syntax-check", "-i", lab, playbook, cwd=tmp_path)
        assert checked.returncode == 0, f"{playbook}: {checked.stderr}"


def test_galaxy_would_import_it(artifact: Path, run: Run, tmp_path: Path) -> None:
    offline = {"GALAXY_IMPORTER_RUN_ANSIBLE_LINT": "false", "GALAXY_IMPORTER_RUN_ANSIBLE_TEST": "false"}
    imported = run(BIN / "python", "-m", "galaxy_importer.main", artifact, cwd=tmp_path, env=offline)
    said = imported.stdout + imported.stderr
    assert "Importer processing completed successfully" in said, said
    assert [line for line in said.splitlines() if line.startswith(("ERROR", "WARNING"))] == []
    result = json.loads((tmp_path / "importer_result.json").read_text(encoding="utf-8"))
    assert result["metadata"]["dependencies"] == {}


def test_execution_environment_gets_its_requirements(collections: Path, run: Run, tmp_path: Path) -> None:
    asked = run(BIN / "ansible-builder", "introspect", collections, cwd=tmp_path)
    assert asked.returncode == 0, asked.stderr
    assert "nvidia-ml-py" in asked.stdout
    assert "openssh-client" in asked.stdout
