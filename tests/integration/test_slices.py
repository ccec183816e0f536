# Copyright (c) 2026 the muster.fleet authors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Runs of a part each, as AWX slices a job, merged into one report by the playbook that a last job runs."""

from __future__ import annotations

import json
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from .conftest import BIN, Run

HOSTS = ("head-a01-01", "hl-a02-01")
Merge = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture(name="ran", scope="module")
def ran_fixture(collections: Path, lab: Path, run: Run, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two slices of one host each, in one directory of runs."""
    place = tmp_path_factory.mktemp("slices")
    for number, host in enumerate(HOSTS):
        names = {"verify_run_id": f"job7-{number}", "report_run_id": f"job7-{number}"}
        command = ["muster.fleet.verify", "-i", lab, "--limit", f"{host},localhost", "-e", json.dumps(names)]
        done = run(BIN / "ansible-playbook", *command, cwd=place)
        assert done.returncode == 0, done.stdout + done.stderr
    assert sorted(path.name for path in (place / "reports").iterdir()) == ["job7-0", "job7-1", "latest"]
    return place


@pytest.fixture(name="place")
def place_fixture(ran: Path, tmp_path: Path) -> Path:
    """The same, to be spoilt."""
    return Path(shutil.copytree(ran, tmp_path / "place", symlinks=True))


@pytest.fixture(name="merge")
def merge_fixture(place: Path, lab: Path, run: Run) -> Merge:
    """Merges, and answers for the two hosts only unless told otherwise."""

    def merge(*slices: str, hosts: str = ",".join(HOSTS)) -> subprocess.CompletedProcess[str]:
        wish = {"report_merge": list(slices), "report_run_id": "job7", "muster_hosts": hosts}
        return run(BIN / "ansible-playbook", "muster.fleet.report", "-i", lab, "-e", json.dumps(wish), cwd=place)

    return merge


def document(place: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((place / "reports" / "latest" / "run.json").read_text())
    return found


def test_slices_become_one_report(place: Path, merge: Merge) -> None:
    done = merge("reports/job7-*")
    assert done.returncode == 0, done.stdout + done.stderr
    found = document(place)
    assert (found["run_id"], sorted(found["hosts"]), found["simulated"]) == ("job7", sorted(HOSTS), True)
    assert found["planted"]["equal"]
    assert "merged from 2 slices: job7-0 (1 host), job7-1 (1 host)" in done.stdout
    assert found["changes"]["since"] is None, "its own slices are no run before it"
    again = merge("reports/job7-*")
    assert again.returncode != 0
    assert "reports/job7: is there already; merged slices become a run of their own" in " ".join(again.stdout.split())


def test_a_slice_that_never_arrived_is_named_and_its_hosts_are_unknown(place: Path, merge: Merge) -> None:
    shutil.rmtree(place / "reports" / "job7-1")
    done = merge("reports/job7-0", "reports/job7-1")
    assert done.returncode != 0
    assert "job7-1 (never arrived)" in done.stdout
    found = document(place)
    assert found["verdict"] == "unknown"
    assert found["hosts"][HOSTS[1]]["reason"] == "no result arrived"
    assert found["hosts"][HOSTS[1]]["rack"] == "a02", "where it stands is known from the inventory"
    assert "never arrived" in (place / "reports" / "job7" / "index.html").read_text()


def test_hosts_of_the_inventory_that_no_slice_had_are_unknown(place: Path, merge: Merge, lab_hosts: list[str]) -> None:
    assert merge("reports/job7-*", hosts="all").returncode != 0
    found = document(place)
    assert sorted(found["hosts"]) == lab_hosts
    assert found["counts"]["unknown"] == len(lab_hosts) - len(HOSTS)


def test_results_of_another_release_are_refused(place: Path, merge: Merge) -> None:
    path = place / "reports" / "job7-0" / "hosts" / f"{HOSTS[0]}.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | {"schema_version": 9}))
    done = merge("reports/job7-*")
    assert done.returncode != 0
    said = " ".join(done.stdout.split())
    assert f"hosts/{HOSTS[0]}.json: has schema version 9, this release reads version 1" in said
    assert not (place / "reports" / "job7").exists()
