# Copyright (c) 2026 the muster.fleet authors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Machines that answer what they like: through the installed collection, beside an honest one."""

from __future__ import annotations

import base64
import json
import os
import random
import re
import signal
import stat
import subprocess
import time
import zlib
from pathlib import Path
from typing import Any

import pytest
import yaml

from .conftest import BIN, Run

ESCAPES = "\x1b]0;title\x07\x1b[2J\x1b[32mALL READY\x1b[0m\r\x9b31m"
OBEYED = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e]")  # by a terminal
FORMATS = {"run.json", "index.html", "junit.xml", "summary.md", "muster.prom", "closing.txt"}
ANSWER = {
    "facts": {}, "identity": {}, "simulated": False, "planted": None, "took_s": 0.1, "cpu_s": 0.1,
    "bytecode": "6f0d0d0a",
}  # fmt: skip


def packed(answer: Any) -> str:
    return f"MUSTER1:{base64.b64encode(zlib.compress(json.dumps(answer).encode())).decode()}\n"


ODD_FACTS = {domain: {"errors": [{"source": ESCAPES, "reason": ESCAPES}]} for domain in ("host", "gpu", "nic")}
MACHINES = {
    "no-facts": packed(ANSWER),
    "claims-simulated": packed({**ANSWER, "simulated": True, "planted": {"faults": ["x"], "finds": {}}}),
    "refuses": packed({"refused": ESCAPES}),
    "escapes-in-facts": packed({**ANSWER, "facts": ODD_FACTS}),
    "planted-text": packed({**ANSWER, "planted": "x"}),
    "number": packed(5),
    "old-python": f"MUSTER-OLD-PYTHON:{ESCAPES}3.1\n",
    "noise": ESCAPES + "\n",
    "nothing": "",
    "bomb": packed([[]] * 9_000_000),
}


def inventory(place: Path, recording: Path, names: list[str]) -> Path:
    """Write an inventory of one honest machine and these others; each has an interpreter that answers for it."""
    hosts: dict[str, Any] = {
        "honest": {
            "ansible_python_interpreter": "{{ ansible_playbook_python }}",
            "verify_replay": [str(recording)],
        }
    }
    for name in names:
        answer, script = place / f"{name}.answer", place / f"{name}.python"
        answer.write_text(MACHINES[name], encoding="utf-8")
        script.write_text(f"#!/bin/sh\ncat >/dev/null\ncat {answer}\ncat {place}/said >&2\nexit 3\n")
        script.chmod(0o755)
        hosts[name] = {"ansible_python_interpreter": str(script)}
    (place / "said").write_text(f"{ESCAPES}\n", encoding="utf-8")
    path = place / "hosts.yml"
    usual: dict[str, Any] = {"ansible_connection": "local", "muster_class": "cpu_only", "verify_deadline": 20}
    usual["muster_profile_dirs"] = [f"{recording.parents[2]}-site/profiles"]
    path.write_text(yaml.safe_dump({"all": {"hosts": hosts, "vars": usual}}))
    return path


@pytest.fixture(name="recording")
def recording_fixture(lab: Path) -> Path:
    return lab / ".build" / "head-a01-01" / "recording.json"


def document(place: Path, run_id: str = "latest") -> dict[str, Any]:
    found: dict[str, Any] = json.loads((place / "reports" / run_id / "run.json").read_text())
    return found


@pytest.mark.parametrize("playbook", ["verify", "bringup", "health"])
def test_odd_answers_cost_their_own_machines_alone(
    playbook: str, collections: Path, recording: Path, run: Run, tmp_path: Path
) -> None:
    hosts = inventory(tmp_path, recording, list(MACHINES))
    done = run(BIN / "ansible-playbook", f"muster.fleet.{playbook}", "-i", hosts, cwd=tmp_path)
    assert done.returncode != 0
    assert not OBEYED.search((done.stdout + done.stderr).replace("\t", " "))
    found = document(tmp_path)["hosts"]
    assert set(found) == {"honest", *MACHINES}
    assert found["honest"]["verdict"] == "ready"
    for name in MACHINES:
        assert (found[name]["verdict"], bool(found[name]["reason"])) == ("unknown", True), name
    assert set(os.listdir(tmp_path / "reports" / "latest")) >= FORMATS


@pytest.mark.parametrize("name", ["no-facts", "claims-simulated", "refuses", "number", "nothing"])
def test_alone_an_odd_machine_is_unknown_and_the_run_is_red(
    name: str, collections: Path, recording: Path, run: Run, tmp_path: Path
) -> None:
    hosts = inventory(tmp_path, recording, [name])
    done = run(BIN / "ansible-playbook", "muster.fleet.verify", "-i", hosts, "--limit", name, cwd=tmp_path)
    assert done.returncode != 0, done.stdout
    assert not OBEYED.search((done.stdout + done.stderr).replace("\t", " "))
    whole = document(tmp_path)
    assert (whole["verdict"], whole["simulated"], whole["planted"]) == ("unknown", False, None)
    assert "READY." not in done.stdout.replace("NOT READY.", "")


def test_a_machine_that_never_answers_leaves_nothing_behind(
    collections: Path, recording: Path, run: Run, tmp_path: Path
) -> None:
    hosts = inventory(tmp_path, recording, ["nothing"])
    script = tmp_path / "nothing.python"
    script.write_text("#!/bin/sh\nexec sleep 4321\n")
    done = run(BIN / "ansible-playbook", "muster.fleet.verify", "-i", hosts, "-e", "verify_deadline=1", cwd=tmp_path)
    assert "timeout" in document(tmp_path)["hosts"]["nothing"]["reason"], done.stdout
    listed = subprocess.run(["ps", "-eo", "args"], capture_output=True, text=True, check=True).stdout
    assert "sleep 4321" not in listed


@pytest.mark.parametrize("run_id", ["../../esc", "/tmp/esc", "a/b", ".hidden", "latest"])
@pytest.mark.parametrize("variable", ["verify_run_id", "report_run_id", "report_accepted_run"])
def test_a_run_id_is_one_component(
    run_id: str, variable: str, collections: Path, recording: Path, run: Run, tmp_path: Path
) -> None:
    base = tmp_path / "a" / "b"
    base.mkdir(parents=True)
    hosts = inventory(base, recording, [])
    done = run(BIN / "ansible-playbook", "muster.fleet.verify", "-i", hosts, "-e", f"{variable}={run_id}", cwd=base)
    assert done.returncode != 0
    assert "names one directory" in " ".join((done.stdout + done.stderr).split())
    assert {path.name for path in tmp_path.iterdir()} == {"a"}


def test_what_machines_showed_is_private(collections: Path, recording: Path, run: Run, tmp_path: Path) -> None:
    hosts = inventory(tmp_path, recording, [])
    assert run(BIN / "ansible-playbook", "muster.fleet.verify", "-i", hosts, cwd=tmp_path).returncode == 0
    assert run(BIN / "ansible-playbook", "muster.fleet.record", "-i", hosts, cwd=tmp_path).returncode == 0
    kept = [path for path in tmp_path.rglob("*.json") if path.parent.name in ("hosts", "facts", "recordings")]
    assert {path.parent.name for path in kept} == {"hosts", "facts", "recordings"}
    for path in kept:
        assert stat.S_IMODE(path.stat().st_mode) & 0o077 == 0, path


def test_a_killed_run_leaves_no_half_report_and_no_draft(
    collections: Path, recording: Path, run: Run, environment: dict[str, str], tmp_path: Path
) -> None:
    """Killed at random times, all of it; the next run finds nothing that could be taken for a report and is none."""
    hosts = inventory(tmp_path, recording, [])
    seed = int(os.environ.get("MUSTER_SEED", "7"))
    print(f"seed {seed}")
    chance = random.Random(seed)
    command = [str(BIN / "ansible-playbook"), "muster.fleet.verify", "-i", str(hosts)]
    for unused in range(4):
        started = subprocess.Popen(
            command, cwd=tmp_path, env=environment, stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True,
        )  # fmt: skip
        time.sleep(chance.uniform(1.0, 6.0))
        os.killpg(started.pid, signal.SIGKILL)
        started.wait()
    left = tmp_path / "reports" / "killed" / "hosts"
    left.mkdir(parents=True)
    host = re.sub(r"[^0-9A-Za-z_-]+", "-", os.uname().nodename)[:40]
    (left / f".x.json.{host}.{started.pid}.0123abcd.draft").write_text("half")
    assert run(*command, cwd=tmp_path).returncode == 0
    for path in (tmp_path / "reports").iterdir():
        if path.is_dir():
            names = set(os.listdir(path))
            assert "run.json" not in names or names >= FORMATS, path
    assert [str(path) for path in (tmp_path / "reports").rglob("*.draft")] == []
