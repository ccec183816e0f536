# Copyright (c) 2026 the muster.fleet authors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The same run under ansible-runner, as AWX starts it: in one process, and sent to another machine and back."""

from __future__ import annotations

import json
import shlex
import shutil
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import ansible_runner
import pytest

from .conftest import BIN, Run

PLAYBOOK = "muster.fleet.bringup"
EVENTS_A_HOST = 10
EVENT_BYTES = 16 * 1024
SUMMARY_BYTES = 32 * 1024


@pytest.fixture
def private_data(lab: Path, environment: dict[str, str], collections: Path, tmp_path: Path) -> Path:
    """A runner's private data directory with the simulated rack as its inventory."""
    folder = tmp_path / "private"
    shutil.copytree(lab, folder / "inventory")
    shutil.copytree(f"{lab}-site", folder / "inventory-site")
    (folder / "project").mkdir()
    (folder / "env").mkdir()
    ansible = {name: value for name, value in environment.items() if name.startswith("ANSIBLE_")}
    (folder / "env" / "envvars").write_text(json.dumps(ansible | {"PATH": environment["PATH"]}), encoding="utf-8")
    return folder


def check(events: list[dict[str, Any]], lab_hosts: list[str]) -> None:
    """What AWX depends on: every host counted, few and small events, one small summary."""
    stats = next(event["event_data"] for event in events if event["event"] == "playbook_on_stats")
    assert sorted(set(stats["processed"]) - {"localhost"}) == lab_hosts
    assert not stats["dark"]
    assert not stats["failures"]

    per_host = Counter(event["event_data"]["host"] for event in events if "host" in event["event_data"])
    assert max(per_host.values()) <= EVENTS_A_HOST, per_host.most_common(3)
    sizes = {event["event_data"].get("task", event["event"]): len(json.dumps(event)) for event in events}
    biggest = max(sizes, key=lambda task: sizes[task])
    assert sizes[biggest] < EVENT_BYTES, f"{biggest}: {sizes[biggest]} bytes"

    told = [line for event in events for line in event["stdout"].splitlines() if line.startswith("muster: ")]
    assert f"muster: {len(lab_hosts)} of {len(lab_hosts)} hosts, " in told[-1], (
        "nobody watching the job sees how far it is"
    )

    summary = stats["artifact_data"]["muster_summary"]
    assert len(json.dumps(summary)) < SUMMARY_BYTES
    assert sum(summary["counts"].values()) == len(lab_hosts)
    assert summary["schema_version"] == 1
    assert {"verdict", "run_id"} <= set(summary)


def events_of(folder: Path, load: Callable[[Path], Any]) -> list[dict[str, Any]]:
    """Return the events that a run left, in their order."""
    paths = (folder / "artifacts").rglob("job_events/*.json")
    events = [load(path) for path in paths if "partial" not in path.name]
    assert events, "the run left no events"
    return sorted(events, key=lambda event: event["counter"])


def test_in_one_process(
    private_data: Path, lab_hosts: list[str], load: Callable[[Path], Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", json.loads((private_data / "env" / "envvars").read_text(encoding="utf-8"))["PATH"])
    ran = ansible_runner.run(private_data_dir=str(private_data), playbook=PLAYBOOK, quiet=True)
    assert (ran.status, ran.rc) == ("successful", 0), ran.stdout.read()[-4000:]
    check(events_of(private_data, load), lab_hosts)


def test_sent_to_a_worker_and_back(
    private_data: Path, lab_hosts: list[str], run: Run, load: Callable[[Path], Any], tmp_path: Path
) -> None:
    worker, back = tmp_path / "worker", tmp_path / "back"
    worker.mkdir()
    back.mkdir()
    runner = shlex.quote(str(BIN / "ansible-runner"))
    pipeline = (
        f"set -o pipefail; {runner} transmit {shlex.quote(str(private_data))} -p {PLAYBOOK}"
        f" | {runner} worker --private-data-dir {shlex.quote(str(worker))}"
        f" | {runner} --quiet process {shlex.quote(str(back))}"
    )
    ran = run("bash", "-c", pipeline, cwd=tmp_path)
    assert ran.returncode == 0, (ran.stdout + ran.stderr)[-4000:]
    check(events_of(back, load), lab_hosts)
