# Copyright (c) 2026 the muster.fleet authors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""``ansible-playbook muster.fleet.bringup -i inventories/lab`` as a user runs it: exit code, files, closing lines."""

from __future__ import annotations

import re
import subprocess
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from .conftest import BIN, Run

FORMATS = ("run.json", "index.html", "junit.xml", "summary.md", "muster.prom")
Bringup = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture(scope="module")
def bringup(collections: Path, lab: Path, run: Run) -> Bringup:
    """Runs the playbook in ``cwd`` against the simulated rack, with more options if need be."""

    def bringup(*options: str | Path, cwd: Path, inventory: Path = lab) -> subprocess.CompletedProcess[str]:
        return run(BIN / "ansible-playbook", "muster.fleet.bringup", "-i", inventory, *options, cwd=cwd)

    return bringup


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The working directory of the one run of the whole rack."""
    return tmp_path_factory.mktemp("bringup")


@pytest.fixture(scope="module")
def ran(bringup: Bringup, place: Path) -> subprocess.CompletedProcess[str]:
    """The one run of the whole rack."""
    return bringup(cwd=place)


@pytest.fixture(scope="module")
def document(ran: subprocess.CompletedProcess[str], place: Path, load: Callable[[Path], Any]) -> dict[str, Any]:
    """``run.json`` of that run."""
    assert (place / "reports" / "latest" / "run.json").is_file(), ran.stdout + ran.stderr
    document: dict[str, Any] = load(place / "reports" / "latest" / "run.json")
    return document


def test_simulated_rack_ends_green(ran: subprocess.CompletedProcess[str]) -> None:
    assert ran.returncode == 0, ran.stdout[-4000:] + ran.stderr[-2000:]
    assert "[WARNING]" not in ran.stderr, ran.stderr
    assert "DEPRECATION" not in ran.stderr, ran.stderr


def test_progress_is_told_in_few_plain_lines(
    ran: subprocess.CompletedProcess[str], document: dict[str, Any], place: Path
) -> None:
    lines = [line for line in ran.stdout.splitlines() if line.startswith("muster: ")]
    total, counts = len(document["hosts"]), document["counts"]
    said = f"muster: {total} of {total} hosts, {counts['not_ready']} not ready, {counts['unknown']} unknown, after "
    assert lines[-1].startswith(said)
    assert len(lines) <= 20
    assert "\r" not in ran.stdout
    assert list((place / "reports" / "latest").glob("progress*")) == []


def test_every_host_is_in_the_run(document: dict[str, Any], lab_hosts: list[str]) -> None:
    assert sorted(document["hosts"]) == lab_hosts
    assert sorted(document["expected_hosts"]) == lab_hosts
    verdicts = Counter(host["verdict"] for host in document["hosts"].values())
    assert {name: count for name, count in document["counts"].items() if count} == dict(verdicts)


def test_planted_faults_are_found_and_nothing_else(document: dict[str, Any]) -> None:
    planted = document["planted"]
    assert (planted["missed"], planted["extra"]) == ([], [])
    assert planted["equal"]
    assert planted["planted"] > 0, "a rack without a fault shows nothing"


def test_healthy_and_broken_hosts_are_told_apart(document: dict[str, Any]) -> None:
    for name, host in document["hosts"].items():
        assert host["simulated"], name
        found = {row["id"] for row in host["results"] if row["status"] in ("fail", "unknown")}
        assert found == set(host["planted"]["finds"]), name
        assert (host["verdict"] == "ready") == (not [row for row in host["results"] if bad(row)]), name


def bad(row: dict[str, Any]) -> bool:
    return row["status"] in ("fail", "unknown") and row["severity"] != "info"


def test_document_keeps_to_its_schema(document: dict[str, Any], checkout: Path, load: Callable[[Path], Any]) -> None:
    jsonschema.validate(document, load(checkout / "docs" / "run.schema.json"))


def test_every_format_is_written_and_says_simulated(document: dict[str, Any], place: Path) -> None:
    latest = place / "reports" / "latest"
    assert latest.resolve().name == document["run_id"]
    for name in FORMATS:
        text = (latest / name).read_text(encoding="utf-8")
        assert document["run_id"] in text or name in ("junit.xml", "muster.prom"), name
        assert "simulated" in text.lower(), name


def test_closing_lines_tell_the_verdict_and_the_report(
    ran: subprocess.CompletedProcess[str], document: dict[str, Any]
) -> None:
    closing = ran.stdout[-6000:]
    assert "simulated" in closing.lower()
    assert f"reports/{document['run_id']}" in closing or "reports/latest" in closing
    assert document["verdict"].replace("_", " ") in closing.lower().replace("_", " ")


def test_second_run_compares_with_the_first(
    bringup: Bringup, document: dict[str, Any], place: Path, load: Callable[[Path], Any]
) -> None:
    again = bringup(cwd=place)
    assert again.returncode == 0, again.stdout[-4000:]
    later = load(place / "reports" / "latest" / "run.json")
    assert later["run_id"] != document["run_id"]
    assert later["changes"]["since"] == document["run_id"]
    assert (later["changes"]["verdicts"], later["changes"]["new"], later["changes"]["cleared"]) == ([], [], [])
    assert "changed=0" in again.stdout


def test_what_the_simulated_site_shows_and_attests_is_judged(
    bringup: Bringup, lab: Path, tmp_path: Path, load: Callable[[Path], Any]
) -> None:
    ran = bringup("--limit", "head-a01-01", "-e", f"report_site_dir={lab}-site", cwd=tmp_path)
    assert ran.returncode == 0, ran.stdout[-4000:] + ran.stderr
    found = load(tmp_path / "reports" / "latest" / "run.json")
    people = found["site"]["attestations"]
    assert (people["source"], people["valid"]) == (f"{lab}-site/attestations", 1)
    rows = {row["id"]: row for row in found["fleet"]}
    assert rows["site.attest.orchestrator_tradeoffs"]["status"] == "pass"
    assert rows["site.attest.rack_layout"]["status"] == "unknown"
    assert found["verdict"] == "unknown", "most of what the site has to show is not there"
    assert found["planted"]["equal"]
    assert f"1 of {people['items']} are attested in {lab}-site/attestations" in ran.stdout


def test_limit_expects_only_what_it_names(
    bringup: Bringup, lab_hosts: list[str], tmp_path: Path, load: Callable[[Path], Any]
) -> None:
    one = lab_hosts[0]
    ran = bringup("--limit", one, "--check", "-v", cwd=tmp_path)
    assert ran.returncode == 0, ran.stdout[-4000:] + ran.stderr
    assert re.search(rf"^muster: 1 of 1 hosts, 0 not ready, 0 unknown, after \d+ s: {one} is ready$", ran.stdout, re.M)
    assert list(load(tmp_path / "reports" / "latest" / "run.json")["hosts"]) == [one]


def test_host_that_cannot_be_reached_is_unknown_and_ends_red(
    bringup: Bringup, tmp_path: Path, load: Callable[[Path], Any]
) -> None:
    inventory = tmp_path / "hosts.yml"
    host = "{ansible_host: 192.0.2.1, ansible_ssh_common_args: -o ConnectTimeout=1 -o BatchMode=yes}"
    inventory.write_text(f"all: {{hosts: {{gone: {host}}}}}\n", encoding="utf-8")
    ran = bringup(cwd=tmp_path, inventory=inventory)
    assert ran.returncode != 0, ran.stdout[-4000:]
    document = load(tmp_path / "reports" / "latest" / "run.json")
    assert document["verdict"] == "unknown"
    assert document["hosts"]["gone"]["reached"] is False
    assert document["hosts"]["gone"]["verdict"] == "unknown"


def test_empty_inventory_is_not_green(bringup: Bringup, tmp_path: Path) -> None:
    inventory = tmp_path / "hosts.yml"
    inventory.write_text("all: {hosts: {}}\n", encoding="utf-8")
    assert bringup(cwd=tmp_path, inventory=inventory).returncode != 0
