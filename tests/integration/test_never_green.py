# Copyright (c) 2026 the muster.fleet authors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""No playbook ends successful having judged nothing: every playbook, every option that leaves work out."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from .conftest import BIN, Run

PLAYBOOKS = sorted(path.stem for path in (Path(__file__).parents[2] / "playbooks").glob("*.yml"))
ENDS = ("nobody", "settle", "verdict")  # plays that end another playbook: alone they have nothing to end
Play = Callable[..., subprocess.CompletedProcess[str]]


def last_tasks() -> list[str]:
    """Return the names of tasks to start at: the last of the roles and plays with which a run ends."""
    top, found = Path(__file__).parents[2], []
    for role in ("report", "golive", "verify"):
        tasks = [yaml.safe_load(path.read_text()) for path in sorted((top / "roles" / role / "tasks").glob("*.yml"))]
        found += [f"muster.fleet.{role} : {entries[-1]['name']}" for entries in tasks]
    for playbook in ("verdict", "nobody"):
        (play,) = yaml.safe_load((top / "playbooks" / f"{playbook}.yml").read_text())
        found.append(play["tasks"][-1]["name"])
    return found


def leaving_out() -> Iterator[list[str]]:
    yield from (["--tags", tag] for tag in ("gpu", "always"))
    yield from (["--skip-tags", tag] for tag in ("all", "always", "tagged"))
    yield ["--tags", "gpu", "--skip-tags", "always"]
    yield ["--start-at-task", "no such task"]


def no_host() -> Iterator[list[str]]:
    yield ["--limit", "ga", "-e", "muster_hosts=gb"]
    yield ["-e", "muster_hosts=empty"]


@pytest.fixture(name="place")
def place_fixture(tmp_path: Path, lab: Path) -> Path:
    """Two hosts that answer as a healthy node does, and a group without hosts."""
    usual = {
        "ansible_connection": "local",
        "ansible_python_interpreter": "{{ ansible_playbook_python }}",
        "muster_class": "cpu_only",
        "muster_profile_dirs": [f"{lab}-site/profiles"],
        "verify_replay": [str(lab / ".build" / "head-a01-01" / "recording.json")],
        "muster_expected_hosts": 0,
    }
    groups = {"ga": {"hosts": {"a": None}}, "gb": {"hosts": {"b": None}}, "empty": {}}
    (tmp_path / "hosts.yml").write_text(yaml.safe_dump({"all": {"vars": usual, "children": groups}}))
    return tmp_path


@pytest.fixture(name="play")
def play_fixture(collections: Path, place: Path, run: Run) -> Play:
    def play(playbook: str | Path, *options: str, **env: str) -> subprocess.CompletedProcess[str]:
        named = f"muster.fleet.{playbook}" if isinstance(playbook, str) else playbook
        return run(BIN / "ansible-playbook", named, "-i", place / "hosts.yml", *options, cwd=place, env=env)

    return play


def document(place: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((place / "reports" / "latest" / "run.json").read_text())
    return found


def said(done: subprocess.CompletedProcess[str]) -> str:
    return " ".join((done.stdout + done.stderr).split())


def test_a_whole_run_is_green_and_listings_begin_none(play: Play, place: Path) -> None:
    assert play("verify", "--limit", "ga", "--list-tasks").returncode == 0
    assert play("verify", "--syntax-check").returncode == 0
    assert not (place / "reports").exists()
    done = play("verify", "--limit", "ga")
    assert done.returncode == 0, said(done)
    assert document(place)["verdict"] == "ready"


@pytest.mark.parametrize("playbook", PLAYBOOKS)
def test_what_tags_and_start_points_leave_out_is_never_a_success(play: Play, place: Path, playbook: str) -> None:
    assert play("verify", "--limit", "ga").returncode == 0, "there is an older green run to be mistaken for this one"
    older = document(place)["run_id"]
    for options in leaving_out():
        done = play(playbook, "--limit", "ga", *options)
        assert done.returncode != 0, f"{playbook} {options}: {said(done)[-2000:]}"
        assert older not in done.stdout, f"{playbook} {options}: an older run is shown as this one"
        assert "READY" not in done.stdout.replace("NOT READY", ""), f"{playbook} {options}"


@pytest.mark.parametrize("playbook", ["verify", "golive"])
def test_no_task_is_a_start_point_to_green(play: Play, place: Path, playbook: str) -> None:
    assert play("verify", "--limit", "ga").returncode == 0
    older = document(place)["run_id"]
    for task in last_tasks():
        done = play(playbook, "--limit", "ga", "--start-at-task", task)
        assert done.returncode != 0, f"{playbook} at {task!r}: {said(done)[-2000:]}"
        assert older not in done.stdout, f"{playbook} at {task!r}"


@pytest.mark.parametrize("playbook", sorted({*PLAYBOOKS} - {"attest", "catalogue", "golive", "report"}))
def test_no_host_is_never_a_success(play: Play, place: Path, playbook: str) -> None:
    for options in no_host():
        done = play(playbook, *options)
        assert done.returncode != 0, f"{playbook} {options}: {said(done)[-2000:]}"
        if playbook not in (*ENDS, "capture", "record"):
            assert document(place)["verdict"] == "unknown", options
            assert "No host matches" in document(place)["reason"]


@pytest.mark.parametrize("playbook", PLAYBOOKS)
def test_an_empty_inventory_is_never_a_success(play: Play, place: Path, playbook: str) -> None:
    (place / "hosts.yml").write_text("all: {hosts: {}}\n")
    if playbook == "catalogue":
        assert play(playbook).returncode == 0, "the catalogue asks no host"
    else:
        assert play(playbook).returncode != 0


@pytest.mark.parametrize("playbook", ["report", "catalogue", "golive"])
def test_what_asks_no_machine_does_its_work_under_a_limit(play: Play, place: Path, playbook: str) -> None:
    assert play("verify", "--limit", "ga").returncode == 0
    done = play(playbook, "--limit", "gb")
    shown = {"report": "1 host: 1 ready", "catalogue": "coverage: piqc", "golive": "golive.yml"}[playbook]
    assert shown in said(done)
    assert (done.returncode == 0) == (playbook != "golive")


OPTIONS = [["--tags", "mine"], ["--skip-tags", "always"], ["--tags", "mine", "--skip-tags", "always"],
           ["--skip-tags", "all,always"], ["--start-at-task", "no such task"],
           ["--start-at-task", "Fail the hosts that do not pass muster"],
           ["--start-at-task", "muster.fleet.report : Write the reports"]]  # fmt: skip


@pytest.mark.parametrize("options", OPTIONS, ids=" ".join)
def test_in_a_playbook_of_ones_own_they_judge_or_refuse(play: Play, place: Path, options: list[str]) -> None:
    """There tags and start points are the user's: what runs all the same is judged, what does not is refused."""
    own = place / "own.yml"
    own.write_text("- {import_playbook: muster.fleet.verify}\n")
    done = play(own, "--limit", "ga", *options)
    found = document(place)
    if options == ["--tags", "mine"]:
        assert (done.returncode, found["verdict"]) == (0, "ready")
        assert found["hosts"]["a"]["results"]
    else:
        assert done.returncode != 0, said(done)[-2000:]
        assert found["verdict"] == "unknown"
        assert found["hosts"]["a"]["results"] == []
        for name in ("index.html", "junit.xml", "summary.md", "muster.prom", "closing.txt"):
            text = (place / "reports" / "latest" / name).read_text()
            assert "othing was judged" in text or "no result arrived" in text, name
