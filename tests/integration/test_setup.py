# Copyright (c) 2026 the muster.fleet authors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Whatever is missing on a machine, ``make`` says so in one sentence and stops."""

from __future__ import annotations

import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

Setup = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture
def clone(checkout: Path, tmp_path: Path) -> Path:
    """As much of a checkout as the set-up reads before it stops; its path holds a blank."""
    folder = tmp_path / "a clone"
    shutil.copytree(checkout / "tools", folder / "tools")
    shutil.copytree(checkout / "requirements", folder / "requirements")
    shutil.copy(checkout / "Makefile", folder)
    return folder


@pytest.fixture
def interpreters(tmp_path: Path) -> Callable[[str, str], None]:
    """Puts a program under the name of a Python in front of everything else."""
    folder = tmp_path / "bin"
    folder.mkdir()

    def put(name: str, script: str) -> None:
        (folder / name).write_text(f"#!/bin/sh\n{script}\n", encoding="utf-8")
        (folder / name).chmod(0o755)

    return put


@pytest.fixture
def make(clone: Path, interpreters: Callable[[str, str], None], tmp_path: Path) -> Setup:
    """Runs ``make`` in the clone, with the interpreters of the test in front and no others of the user's."""

    def make(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
        env = {"PATH": f"{tmp_path / 'bin'}:/usr/bin:/bin", "HOME": str(tmp_path), "LC_ALL": "C.UTF-8", **environment}
        return subprocess.run(
            ["make", *arguments], cwd=clone, env=env, capture_output=True, text=True, check=False, timeout=120
        )

    return make


def sentence(ran: subprocess.CompletedProcess[str]) -> str:
    """Return the one sentence that was said, beside what is being done and what make adds itself."""
    said = [line for line in ran.stderr.splitlines() if not line.startswith("make") and ": installing " not in line]
    assert ran.returncode != 0
    assert len(said) == 1, ran.stderr
    assert said[0].startswith("muster.fleet: ")
    return said[0]


def test_alone_it_lists_the_targets(make: Setup, checkout: Path) -> None:
    listed = make()
    assert listed.returncode == 0
    for line in (checkout / "Makefile").read_text(encoding="utf-8").splitlines():
        if line.startswith(".PHONY:"):
            for target in line.split()[1:]:
                assert f"make {target} " in listed.stdout


def test_named_python_that_is_not_there(make: Setup) -> None:
    assert "python3.99 is not here or does not run" in sentence(make("setup", "PYTHON=python3.99"))


def test_shim_that_exists_but_does_not_run(make: Setup, interpreters: Callable[[str, str], None]) -> None:
    interpreters("python3.13", 'echo "pyenv: python3.13: command not found" >&2; exit 127')
    assert "python3.13 is not here or does not run" in sentence(make("setup", "PYTHON=python3.13"))


def test_shim_is_passed_by_for_the_build_behind_it(
    make: Setup, interpreters: Callable[[str, str], None], clone: Path, tmp_path: Path
) -> None:
    interpreters("python3.13", "exit 127")
    build = tmp_path / ".pyenv" / "versions" / "3.13.0" / "bin"
    build.mkdir(parents=True)
    (build / "python3.13").write_text('#!/bin/sh\ncase "$2" in *version_info*) echo 3.13;; *) echo "$0";; esac\n')
    (build / "python3.13").chmod(0o755)
    env = {"PATH": f"{tmp_path / 'bin'}:/usr/bin:/bin", "HOME": str(tmp_path), "PYTHON": "python3.13"}
    asked = subprocess.run(
        [clone / "tools" / "setup.sh", "python"], env=env, capture_output=True, text=True, check=True, timeout=60
    )
    assert asked.stdout.strip() == str(build / "python3.13")


def test_python_that_is_too_old(make: Setup, interpreters: Callable[[str, str], None]) -> None:
    interpreters("python3.9", "echo 3.9")
    assert "Python 3.9 is too old, 3.11 or newer is needed" in sentence(make("setup", "PYTHON=python3.9"))


def test_python_without_locked_requirements(make: Setup, interpreters: Callable[[str, str], None]) -> None:
    interpreters("python3.99", "echo 3.99")
    assert "no locked requirements for Python 3.99" in sentence(make("setup", "PYTHON=python3.99"))


def test_python_without_venv(make: Setup, interpreters: Callable[[str, str], None]) -> None:
    interpreters(
        "bare", f'case "$2" in *ensurepip*) exit 1;; *version_info*) exec "{sys.executable}" "$@";; *) echo "$0";; esac'
    )
    assert "apt-get install python3-venv" in sentence(make("setup", "PYTHON=bare"))


def test_no_network(make: Setup, clone: Path) -> None:
    ran = make(
        "setup",
        f"PYTHON={sys.executable}",
        PIP_CONFIG_FILE="/dev/null",
        PIP_INDEX_URL="http://127.0.0.1:9",
        PIP_RETRIES="0",
    )
    assert "pip reached no package index" in sentence(ran)
    assert not list((clone / ".build").glob("venv-*/.runtime")), "what failed must be tried again"


def test_program_that_is_missing_and_may_not_be_installed(
    make: Setup, interpreters: Callable[[str, str], None], tmp_path: Path
) -> None:
    for folder in ("/bin", "/usr/bin"):
        for program in Path(folder).iterdir():
            if program.name != "ssh" and not (tmp_path / "bin" / program.name).exists():
                (tmp_path / "bin" / program.name).symlink_to(program)
    (tmp_path / "bin" / "id").unlink()
    interpreters("id", "echo 1000")
    said = sentence(make("setup", f"PYTHON={sys.executable}", PATH=str(tmp_path / "bin")))
    assert "ssh is missing, and this user may not install it" in said
    assert "openssh-client" in said
