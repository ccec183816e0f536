# Copyright (c) 2026 the muster.fleet authors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""This very machine: judged, recorded, and judged again from the recording with the same outcome."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from ansible_collections.muster.fleet.plugins.plugin_utils import scrub

from .conftest import BIN, Run

Load = Callable[[Path], Any]


@pytest.fixture(name="local", scope="module")
def local_fixture(checkout: Path) -> Path:
    """The inventory of this very machine."""
    return checkout / "inventories" / "local"


@pytest.fixture(name="place", scope="module")
def place_fixture(collections: Path, local: Path, run: Run, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A working directory in which this machine was recorded."""
    place = tmp_path_factory.mktemp("record")
    for playbook, options in (("record", ("-e", "record_scrub=false")), ("record", ("-e", "record_dir=scrubbed"))):
        done = run(BIN / "ansible-playbook", f"muster.fleet.{playbook}", "-i", local, *options, cwd=place)
        assert done.returncode == 0, done.stdout + done.stderr
    return place


def verified(run: Run, load: Load, local: Path, place: Path, recording: Path) -> dict[str, Any]:
    """Judge a recording and return the host's entry of the run."""
    options = ("-e", json.dumps({"verify_replay": [str(recording)]}))
    run(BIN / "ansible-playbook", "muster.fleet.verify", "-i", local, *options, cwd=place)
    host: dict[str, Any] = load(place / "reports" / "latest" / "run.json")["hosts"]["localhost"]
    assert host["reached"], host["reason"]
    return host


def findings(host: dict[str, Any]) -> set[tuple[Any, ...]]:
    """Return what was found, without when."""
    return {
        (row["id"], row["item"], row["items"], row["status"], json.dumps(row["observed"])) for row in host["results"]
    }


def test_replay_gives_the_findings_of_the_machine(place: Path, run: Run, load: Load, local: Path) -> None:
    host = verified(run, load, local, place, place / "recordings" / "localhost.json")
    again = verified(run, load, local, place, place / "recordings" / "localhost.json")
    assert findings(host) == findings(again)
    assert (host["simulated"], host["replayed"]) == (False, True)
    assert [error for error in host["errors"] if "unrecorded" in error["reason"]] == []


def test_scrubbing_changes_no_status(place: Path, run: Run, load: Load, local: Path) -> None:
    """The same recording before and after: two recordings of a machine that goes on living would differ."""
    recording = place / "recordings" / "localhost.json"
    plain = verified(run, load, local, place, recording)
    facts = load(place / "reports" / "latest" / "facts" / "localhost.json")
    cleaned = place / "cleaned.json"
    cleaned.write_text(scrub.dump(scrub.scrub(load(recording), facts)))
    scrubbed = verified(run, load, local, place, cleaned)
    assert {(row["id"], row["status"]) for row in plain["results"]} == {
        (row["id"], row["status"]) for row in scrubbed["results"]
    }


def test_scrubbed_recording_does_not_name_the_machine(place: Path, load: Load) -> None:
    name = load(place / "recordings" / "localhost.json")["identity"]["hostname"]
    if len(name) < 5:
        pytest.skip(f"this machine's name, {name}, is too short to be replaced everywhere")
    assert name not in (place / "scrubbed" / "localhost.json").read_text()


def test_a_machine_without_accelerators_is_not_ready_and_says_why(
    collections: Path, place: Path, run: Run, load: Load, local: Path
) -> None:
    options = ("-e", "bringup_gated=false")
    done = run(BIN / "ansible-playbook", "muster.fleet.bringup", "-i", local, *options, cwd=place)
    host = load(place / "reports" / "latest" / "run.json")["hosts"]["localhost"]
    if any(Path("/dev").glob("nvidia[0-9]*")):
        pytest.skip("this machine has accelerators")
    assert done.returncode != 0
    assert host["verdict"] == "not_ready"
    assert any(row["id"] == "gpu.count.minimum" and row["status"] == "fail" for row in host["results"]), [
        row["message"] for row in host["results"] if row["status"] == "fail"
    ]
