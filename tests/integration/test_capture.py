# Copyright (c) 2026 the muster.fleet authors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""``ansible-playbook muster.fleet.capture`` as a user runs it: preview, file, and verification by that file."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from .conftest import BIN, Run

Capture = Callable[..., subprocess.CompletedProcess[str]]
SIMULATED = "-ecapture_allow_simulated=true"


@pytest.fixture
def capture(collections: Path, lab: Path, run: Run, tmp_path: Path) -> Capture:
    """Captures a profile from healthy nodes of the simulated rack, with more options if need be."""

    def capture(*options: str, limit: str = "gpu-a01-01,gpu-a01-02") -> subprocess.CompletedProcess[str]:
        command = (BIN / "ansible-playbook", "muster.fleet.capture", "-i", lab, "--limit", limit)
        site = json.dumps({"capture_profile_dirs": [f"{lab}-site/profiles"]})
        named = ("-ecapture_name=ours", "-ecapture_extends=hgx_h100", "-e", site)
        return run(*command, *named, *options, cwd=tmp_path)

    return capture


def test_captured_profile_is_the_one_its_hosts_pass(capture: Capture, run: Run, lab: Path, tmp_path: Path) -> None:
    done = capture(SIMULATED)
    assert done.returncode == 0, done.stdout + done.stderr
    profile = (tmp_path / "profiles" / "ours.yml").read_text(encoding="utf-8")
    assert "# SIMULATED" in profile
    assert "extends: hgx_h100" in profile
    assert f"capture: wrote {tmp_path}/profiles/ours.yml: " in done.stdout
    assert "values from gpu-a01-01, gpu-a01-02 (run " in done.stdout
    ours = json.dumps({"muster_class": "ours", "verify_profile_dirs": ["profiles", f"{lab}-site/profiles"]})
    command = (BIN / "ansible-playbook", "muster.fleet.verify", "-i", lab, "--limit", "gpu-a01-01,gpu-a01-02")
    verified = run(*command, "-e", ours, cwd=tmp_path)
    assert verified.returncode == 0, verified.stdout + verified.stderr


def test_check_and_diff_show_and_write_nothing(capture: Capture, tmp_path: Path) -> None:
    done = capture(SIMULATED, "--check", "--diff")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "+extends: hgx_h100" in done.stdout
    assert not (tmp_path / "profiles").exists()


@pytest.mark.parametrize(
    ("options", "limit", "said"),
    [
        ([], "gpu-a01-01,gpu-a01-02", "simulated; a profile of them is for tests only"),
        ([SIMULATED], "gpu-a01-01", "1 golden hosts"),
        ([SIMULATED], "gpu-a01-01,gpu-a01-05", "gpu-a01-05: gave no facts"),
        ([SIMULATED], "gpu-a01-01,gpu-a01-03", "gpu-a01-03 (GPU 3 (0000:"),
        ([SIMULATED, "-ecapture_name="], "gpu-a01-01,gpu-a01-02", "capture_name is not set"),
    ],
)
def test_refusals(capture: Capture, tmp_path: Path, options: list[str], limit: str, said: str) -> None:
    done = capture(*options, limit=limit)
    assert done.returncode != 0
    assert said in done.stdout + done.stderr
    assert not (tmp_path / "profiles").exists()


def test_what_is_missing_is_named_before_a_machine_is_asked(capture: Capture, tmp_path: Path) -> None:
    done = capture(SIMULATED, "-ecapture_name=")
    assert "capture_name is not set" in done.stdout + done.stderr
    assert not (tmp_path / "reports").exists()
