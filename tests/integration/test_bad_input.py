# Copyright (c) 2026 the muster.fleet authors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Bad input, each with a clear error that names file, host or field; and nothing is lost by it."""

from __future__ import annotations

import json
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from .conftest import BIN, Run

Playbook = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture(name="verify")
def verify_fixture(collections: Path, lab: Path, run: Run, tmp_path: Path) -> Playbook:
    """Verifies hosts that answer from the recording of a healthy node; ``layer`` is laid over it."""

    def verify(
        *options: str, layer: dict[str, Any] | None = None, hosts: dict[str, Any] | None = None
    ) -> subprocess.CompletedProcess[str]:
        replay = [str(lab / ".build" / "head-a01-01" / "recording.json")]
        if layer is not None:
            path = tmp_path / "layer.json"
            path.write_text(json.dumps({"muster_recording": 1, **layer}))
            replay.append(str(path))
        usual = {
            "ansible_connection": "local",
            "ansible_python_interpreter": "{{ ansible_playbook_python }}",
            "muster_class": "cpu_only",
            "muster_profile_dirs": [f"{lab}-site/profiles"],
            "verify_replay": replay,
        }
        inventory = tmp_path / "hosts.yml"
        inventory.write_text(
            yaml.safe_dump({"all": {"hosts": {k: {**usual, **v} for k, v in (hosts or {"one": {}}).items()}}})
        )
        return run(BIN / "ansible-playbook", "muster.fleet.verify", "-i", inventory, *options, cwd=tmp_path)

    return verify


def said(done: subprocess.CompletedProcess[str]) -> str:
    """Return what a run said, in one line: Ansible wraps its warnings at the terminal's width."""
    return " ".join((done.stdout + done.stderr).split())


def document(place: Path) -> dict[str, Any]:
    """Return the run's document."""
    found: dict[str, Any] = json.loads((place / "reports" / "latest" / "run.json").read_text())
    return found


def test_the_healthy_node_passes(verify: Playbook, tmp_path: Path) -> None:
    done = verify()
    assert done.returncode == 0, done.stdout
    assert document(tmp_path)["hosts"]["one"]["verdict"] == "ready"


def test_unknown_profile(verify: Playbook, tmp_path: Path) -> None:
    done = verify("-e", "muster_class=hgx_h10")
    assert done.returncode != 0
    assert "unknown profile 'hgx_h10'; did you mean hgx_h100?" in said(done)
    assert document(tmp_path)["hosts"]["one"]["verdict"] == "unknown"


def test_misspelt_variable(verify: Playbook) -> None:
    done = verify("-e", "verify_proflie=gaudi3")
    assert "verify_proflie is not a variable of role verify; did you mean verify_profile?" in said(done)


def test_malformed_catalogue(verify: Playbook, tmp_path: Path) -> None:
    (tmp_path / "checks").mkdir()
    (tmp_path / "checks" / "site.yml").write_text("---\n- id: site.x\n  title: t\n")
    done = verify("-e", json.dumps({"verify_check_dirs": [str(tmp_path / "checks")]}))
    assert done.returncode != 0
    assert "site.yml:2: site.x: what is missing" in said(done)


OWN = (
    "- {id: site.x, title: t, what: w, phase: 3, severity: major, subject: host.kernel.release, expect: {eq: x}, "
    "covers: [], source: s, why: w, fix: f}\n"
)


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        (OWN.replace("{eq: x}", "{equals: x}"), "site.yml:1: site.x: unknown operator 'equals'; known are eq"),
        (OWN + OWN, "site.yml:2: site.x: the id is taken at"),
        (
            "- {override: host.kernel.realese, severity: minor}\n",
            "site.yml:1: override: there is no check 'host.kernel",
        ),
    ],
    ids=["unknown operator", "duplicate id", "override of a missing id"],
)
def test_catalogue_that_cannot_be_used(verify: Playbook, tmp_path: Path, text: str, complaint: str) -> None:
    (tmp_path / "checks").mkdir()
    (tmp_path / "checks" / "site.yml").write_text(text)
    done = verify("-e", json.dumps({"verify_check_dirs": [str(tmp_path / "checks")]}))
    assert done.returncode != 0
    assert complaint in said(done)
    assert complaint.split(": ", 1)[1] in " ".join(document(tmp_path)["hosts"]["one"]["reason"].split())


def test_profile_without_a_value_that_a_check_needs(verify: Playbook, tmp_path: Path) -> None:
    (tmp_path / "profiles").mkdir()
    (tmp_path / "profiles" / "bare.yml").write_text("name: bare\nextends: cpu_only\n")
    (tmp_path / "checks").mkdir()
    wanting = OWN.replace("{eq: x}", "{eq: profile.own.kernel_wanted}")
    (tmp_path / "checks" / "site.yml").write_text(wanting)
    places = {"verify_check_dirs": [str(tmp_path / "checks")], "verify_profile_dirs": [str(tmp_path / "profiles")]}
    done = verify("-e", "muster_class=bare", "-e", json.dumps(places))
    assert done.returncode != 0
    (row,) = [row for row in document(tmp_path)["hosts"]["one"]["results"] if row["id"] == "site.x"]
    assert row["status"] == "unknown"
    assert "profile bare states no own.kernel_wanted" in row["message"]
    assert "profile bare states no own.kernel_wanted" in (tmp_path / "reports" / "latest" / "index.html").read_text()


def test_earlier_run_of_another_schema_is_not_compared_with(verify: Playbook, tmp_path: Path) -> None:
    verify()
    earlier = (tmp_path / "reports" / "latest" / "run.json").resolve()
    earlier.write_text(json.dumps(json.loads(earlier.read_text()) | {"schema_version": 9}))
    done = verify()
    assert done.returncode == 0, done.stdout
    assert f"{earlier.parent.name}/run.json: has schema version 9, this release compares with version 1" in said(done)
    assert document(tmp_path)["changes"]["since"] is None
    named = verify("-e", f"report_accepted_run={earlier.parent.name}")
    assert named.returncode != 0
    assert "has schema version 9, this release compares with version 1" in said(named)


def test_malformed_waiver(verify: Playbook, tmp_path: Path) -> None:
    (tmp_path / "w.yml").write_text("- check: reach.host\n  reason: r\n  expires: 2027-01-01\n")
    done = verify("-e", f"verify_waivers={tmp_path / 'w.yml'}")
    assert done.returncode != 0
    assert "w.yml:1: waiver of reach.host: owner is missing" in said(done)


def test_recording_of_another_schema(verify: Playbook, tmp_path: Path) -> None:
    done = verify(layer={"muster_recording": 7})
    assert done.returncode != 0
    assert "recording has schema version 7, this release reads version 1" in said(done)
    assert document(tmp_path)["hosts"]["one"]["reached"] is False


def test_missing_recording(verify: Playbook, tmp_path: Path) -> None:
    done = verify("-e", json.dumps({"verify_replay": [str(tmp_path / "none.json")]}))
    assert done.returncode != 0
    assert "none.json: no recording can be read from it" in said(done)


def test_report_directory_that_cannot_be_written(verify: Playbook, tmp_path: Path) -> None:
    (tmp_path / "taken").write_text("")
    done = verify("-e", f"muster_report_dir={tmp_path / 'taken'}")
    assert done.returncode != 0
    assert "taken" in said(done)
    assert "cannot be written" in said(done)
    assert "Traceback" not in said(done)


def test_machine_without_python(verify: Playbook, tmp_path: Path) -> None:
    done = verify("-e", "ansible_python_interpreter=/no/such/python3")
    assert done.returncode != 0
    assert document(tmp_path)["hosts"]["one"]["reason"] == "the machine has no Python 3"


def test_machine_with_python_3_8(verify: Playbook, tmp_path: Path) -> None:
    places = [shutil.which("python3.8"), *map(str, Path.home().glob(".pyenv/versions/3.8.*/bin/python3.8"))]
    runs = [
        path
        for path in places
        if path and subprocess.run([path, "-c", ""], check=False, capture_output=True).returncode == 0
    ]
    if not runs:
        pytest.skip("no Python 3.8 here to try it with")
    done = verify("-e", f"ansible_python_interpreter={runs[0]}")
    assert done.returncode != 0
    assert "the machine has Python 3.8" in document(tmp_path)["hosts"]["one"]["reason"]


def test_machine_whose_shell_says_something_else(verify: Playbook, tmp_path: Path) -> None:
    shell = tmp_path / "python3"
    shell.write_text("#!/bin/sh\ncat >/dev/null\necho 'This account is not available'\nexit 1\n")
    shell.chmod(0o755)
    done = verify("-e", f"ansible_python_interpreter={shell}")
    assert done.returncode != 0
    assert "This account is not available" in document(tmp_path)["hosts"]["one"]["reason"]


def test_machine_that_never_answers(verify: Playbook, tmp_path: Path) -> None:
    shell = tmp_path / "python3"
    shell.write_text("#!/bin/sh\nexec sleep 600\n")
    shell.chmod(0o755)
    done = verify("-e", f"ansible_python_interpreter={shell}", "-e", "verify_deadline=-12")  # 3 s with the margin
    assert done.returncode != 0
    assert "had not answered after 3 s" in document(tmp_path)["hosts"]["one"]["reason"]


def test_sys_that_cannot_be_read_is_unknown(verify: Playbook, lab: Path, tmp_path: Path) -> None:
    healthy = json.loads((lab / ".build" / "head-a01-01" / "recording.json").read_text())
    refused = {path: {"state": "denied"} for path in healthy["files"] if path.startswith("/sys/")}
    done = verify(layer={"files": refused})
    assert done.returncode != 0
    host = document(tmp_path)["hosts"]["one"]
    assert host["verdict"] in ("unknown", "not_ready")
    assert any("denied" in error["reason"] for error in host["errors"])


def test_values_are_never_templated_and_always_escaped(verify: Playbook, tmp_path: Path) -> None:
    hostile = "{{ lookup('pipe', 'touch " + str(tmp_path / "owned") + "') }}<script>alert(1)</script>"
    done = verify(
        layer={"files": {"/sys/class/dmi/id/sys_vendor": hostile, "/etc/os-release": f'PRETTY_NAME="{hostile}"\n'}}
    )
    assert not (tmp_path / "owned").exists()
    latest = tmp_path / "reports" / "latest"
    assert "<script>alert(1)" not in (latest / "index.html").read_text()
    assert hostile in json.dumps(json.loads((latest / "facts" / "one.json").read_text()))
    assert "Traceback" not in said(done)


def test_facts_that_are_no_text_do_no_harm(verify: Playbook, tmp_path: Path) -> None:
    binary = {"b64": "/wD+gICA"}
    verify(
        layer={"files": dict.fromkeys(("/etc/os-release", "/proc/meminfo", "/proc/cpuinfo", "/proc/mounts"), binary)}
    )
    host = document(tmp_path)["hosts"]["one"]
    assert host["reached"] is True
    assert host["verdict"] in ("unknown", "not_ready")
    assert [error for error in host["errors"] if error["source"].endswith("collector")] == []


def test_expected_number_of_hosts(verify: Playbook) -> None:
    done = verify("-e", "muster_expected_hosts=2")
    assert done.returncode != 0
    assert "The run has 1 hosts, muster_expected_hosts says 2." in said(done)


def test_a_run_without_hosts_is_no_success(collections: Path, run: Run, tmp_path: Path) -> None:
    (tmp_path / "hosts.yml").write_text("all: {children: {none: {hosts: {}}}}\n")
    done = run(BIN / "ansible-playbook", "muster.fleet.verify", "-i", tmp_path / "hosts.yml", cwd=tmp_path)
    assert done.returncode != 0
    assert "nothing was judged, so nothing passes" in said(done)


def test_check_mode_says_the_same(verify: Playbook, tmp_path: Path) -> None:
    assert verify("--check", "--diff").returncode == 0
    assert document(tmp_path)["hosts"]["one"]["verdict"] == "ready"
