# Copyright (c) 2026 the muster.fleet authors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What these tests run is the built collection, installed from its file into an empty place: never the checkout."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

Run = Callable[..., subprocess.CompletedProcess[str]]
BIN = Path(sys.executable).parent


@pytest.fixture(scope="session")
def environment(checkout: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """A user's environment, without what this machine or its owner has set for Ansible."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("ANSIBLE_", "MUSTER_"))}
    return {
        **kept,
        "PATH": f"{BIN}{os.pathsep}{os.environ['PATH']}",
        "ANSIBLE_CONFIG": str(checkout / "ansible.cfg"),
        "ANSIBLE_HOME": str(tmp_path_factory.mktemp("ansible-home")),
        "ANSIBLE_COLLECTIONS_PATH": str(tmp_path_factory.mktemp("no-collections")),
        "ANSIBLE_NOCOLOR": "1",
        "LC_ALL": "C.UTF-8",
    }


@pytest.fixture(scope="session")
def run(environment: dict[str, str]) -> Run:
    """Runs a command in ``cwd`` and returns what became of it; ``env`` is added to the environment."""

    def run(*command: str | Path, cwd: Path, env: dict[str, str] | None = None) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [str(part) for part in command],
            cwd=cwd,
            env={**environment, **(env or {})},
            capture_output=True,
            text=True,
            check=False,
            timeout=300,
            stdin=subprocess.DEVNULL,
        )

    return run


@pytest.fixture(scope="session")
def artifact(checkout: Path, run: Run, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The collection as one file, as it goes to Galaxy."""
    folder = tmp_path_factory.mktemp("artifact")
    built = run(BIN / "ansible-galaxy", "collection", "build", "--output-path", folder, checkout, cwd=folder)
    assert built.returncode == 0, built.stderr
    (file,) = folder.glob("*.tar.gz")
    return file


@pytest.fixture(scope="session")
def collections(artifact: Path, run: Run, environment: dict[str, str]) -> Path:
    """A collections path that was empty before the file was installed into it, and that the environment names."""
    path = Path(environment["ANSIBLE_COLLECTIONS_PATH"])
    command = ["collection", "install", "--offline", "-p", str(path), str(artifact)]
    installed = run(BIN / "ansible-galaxy", *command, cwd=artifact.parent)
    assert installed.returncode == 0, installed.stderr
    return path


@pytest.fixture(scope="session")
def lab(checkout: Path) -> Path:
    """The inventory of the simulated rack, whose recordings `make rack` writes."""
    inventory = checkout / "inventories" / "lab"
    assert (inventory / ".build" / ".source").is_file(), "the simulated rack is not there: run `make rack`"
    return inventory


@pytest.fixture(scope="session")
def lab_hosts(lab: Path, collections: Path, run: Run, tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    """The hosts of the simulated rack."""
    listed = run(BIN / "ansible-inventory", "-i", lab, "--list", cwd=tmp_path_factory.mktemp("inventory"))
    assert listed.returncode == 0, listed.stderr
    hosts = sorted(json.loads(listed.stdout)["_meta"]["hostvars"])
    assert len(hosts) > 1
    return hosts


@pytest.fixture(scope="session")
def load() -> Callable[[Path], Any]:
    """Reads a JSON file."""
    return lambda path: json.loads(path.read_text(encoding="utf-8"))


@pytest.fixture(scope="session", autouse=True)
def tools_are_here() -> None:
    """Nothing here may pass because a tool is missing."""
    missing = [
        name
        for name in ("ansible-galaxy", "ansible-playbook", "ansible-runner")
        if not shutil.which(name, path=str(BIN))
    ]
    assert not missing, f"not installed beside {sys.executable}: {', '.join(missing)} (run `make integration`)"
