# Copyright (c) 2026 the muster.fleet authors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What travels to the machines imports on the oldest Python there, with nothing but its standard library."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

CHECKOUT = Path(__file__).resolve().parents[2]
FOR_MODULES = "module_utils.facts_module"  # what the modules share; it does not travel without Ansible
IMPORT_ALL = """
import importlib, pathlib, sys
sys.path.insert(0, sys.argv[1])
for path in sorted(pathlib.Path(sys.argv[1], "module_utils").rglob("*.py")):
    parts = path.relative_to(sys.argv[1]).with_suffix("").parts
    name = ".".join(parts[:-1] if parts[-1] == "__init__" else parts)
    if name == sys.argv[2]:
        continue
    try:
        importlib.import_module(name)
    except Exception as error:
        print(f"{name}: {type(error).__name__}: {error}")
"""


def python39() -> str | None:
    """Return a Python 3.9 that runs; a shim may exist and yet not run."""
    builds = Path(os.environ.get("PYENV_ROOT", Path.home() / ".pyenv"), "versions").glob("3.9*/bin/python3.9")
    for candidate in [shutil.which("python3.9"), *map(str, builds)]:
        if candidate and subprocess.run([candidate, "-V"], capture_output=True, check=False).returncode == 0:
            return candidate
    return None


def complaints(python: str) -> str:
    """Import every file of ``module_utils`` as the machines do: no site packages, no Ansible."""
    command = [python, "-I", "-S", "-B", "-c", IMPORT_ALL, str(CHECKOUT / "plugins"), FOR_MODULES]
    ran = subprocess.run(command, capture_output=True, text=True, check=False, timeout=120)
    return ran.stdout + ran.stderr


def test_target_code_imports_without_ansible() -> None:
    assert complaints(sys.executable) == ""


def test_target_code_imports_on_python_39() -> None:
    python = python39()
    if python is None:
        pytest.skip("no Python 3.9 on this machine: nothing shows that the code for the machines still runs there")
    assert complaints(python) == ""
