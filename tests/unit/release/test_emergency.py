# Copyright (c) 2026 the muster.fleet authors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The way back when little is left: an image that is gone, a full disk, a controller that is gone."""

from __future__ import annotations

import errno
import json
import os
import socket
import subprocess
import sys
from pathlib import Path
from typing import Any
from unittest import mock

import pytest

from ansible_collections.muster.fleet.plugins.module_utils.release import (
    StepFailed,
    controller,
    disk,
    phases,
)
from ansible_collections.muster.fleet.tests.unit.release import fake
from ansible_collections.muster.fleet.tests.unit.release.acts import GOOD, act, history, runs

each = pytest.mark.parametrize


@pytest.fixture
def site(tmp_path: Path) -> fake.Site:
    return fake.Site(tmp_path / "site")


# --- an image that is gone --------------------------------------------------------------------------------


def interrupted(site: fake.Site) -> None:
    """Deploy good, and better until it is stopped; then lose everything that good was started from."""
    site.run("good")
    count = site.fuse.count
    site.run("better", check=True)
    assert site.fuse.count == count
    deaths = 0
    while True:
        site.run("better", dies_at=deaths)
        journal = (
            json.loads((site.state / "journal.json").read_text()) if (site.state / "journal.json").exists() else {}
        )
        if journal.get("phase") == "retain":
            break
        site.run(state="recovered", service=None)
        deaths += 1
    site.world.things, site.world.name = {}, None


def test_the_way_back_fetches_what_is_gone(site: fake.Site) -> None:
    interrupted(site)
    told = site.run(state="recovered", service=None)
    assert (told["outcome"], told["release"]["tag"]) == ("recovered", "good"), told["msg"]
    assert runs(site) == "good"


@each("state", ["present", "rolled_back"])
def test_what_cannot_be_worked_off_blocks_nothing(site: fake.Site, state: str) -> None:
    site.run("better")
    interrupted(site)
    site.world.unavailable = {fake.DIGESTS["good"]}
    for _ in range(2):
        told = site.run(state="recovered", service=None)
        assert (told["outcome"], told["failed"], told["release"]) == ("failed", True, None)
        assert "deploy a release" in told["msg"]
    told = act(site, state, "better")
    assert told["outcome"] in GOOD, told["msg"]
    assert any("gone past" in text for text in told["warnings"])
    assert runs(site) == "better"


def test_a_deploy_that_is_refused_as_well_says_that_nothing_runs(site: fake.Site) -> None:
    interrupted(site)
    site.world.unavailable = set(fake.DIGESTS.values())
    told = site.run("none")
    assert (told["outcome"], told["failed"]) == ("failed", True)
    assert "Nothing runs" in told["msg"]
    site.world.unavailable = set()
    assert site.run("better")["outcome"] == "deployed"
    assert runs(site) == "better"


@each("state", ["recovered", "restarted", "rolled_back"])
def test_nothing_that_runs_is_not_unchanged(site: fake.Site, state: str) -> None:
    """Stopped by hand: no run was interrupted, and the service is down all the same."""
    site.run("good")
    site.world.things[history(site)["current"]]["runs"] = False
    told = act(site, state)
    assert (told["failed"], told["release"]) == (True, None) or told["outcome"] == "restarted"
    assert told["outcome"] in ("failed", "restarted"), told
    assert site.run("good")["outcome"] in GOOD
    assert runs(site) == "good"


# --- nothing about what runs now may forbid it ------------------------------------------------------------


def test_going_back_is_not_held_to_the_checklist_of_a_deploy(site: fake.Site) -> None:
    site.run("good")
    site.run("better")
    full = {"disk_percent": {"warn": 0.0, "fail": 0.0}, "driver": "gaudi", "container_runtime": "none-such"}
    asked = {**full, "directories": [{"path": "/nonexistent/data", "mode": "0700"}]}
    strict = {**fake.SERVICE, "preflight": asked}
    for entry in history(site)["releases"]:
        path = site.state / "releases" / f"{entry['id']}.json"
        spec = json.loads(path.read_text())
        spec["service"]["preflight"] |= asked
        path.write_text(json.dumps(spec))
    refused = site.run("good", service=strict)
    assert (refused["outcome"], runs(site)) == ("refused", "better")
    told = site.run(state="rolled_back", service=strict)
    assert (told["outcome"], runs(site)) == ("rolled_back", "good"), told["msg"]


@each("state", ["present", "rolled_back"])
@each("touches", [True, False])
def test_the_release_that_runs_may_be_gone(site: fake.Site, touches: bool, state: str) -> None:
    """Of a pointer nothing is stopped that would have to come back, so that a deploy may leave it, too."""
    site.run("good")
    site.run("better")
    site.world.gone = {history(site)["current"]}
    with mock.patch.object(fake.FakeKind, "touches", touches):
        told = act(site, state)
    if touches and state == "present":
        assert (told["outcome"], runs(site)) == ("refused", "better")
        assert "Bring that back" in told["msg"]
        return
    assert told["outcome"] in GOOD, told["msg"]
    assert runs(site) == "good"
    assert any("no going on with better" in text for text in told["warnings"])


@each("state", ["present", "rolled_back"])
def test_files_that_changed_while_they_ran_are_told_and_stop_nothing(site: fake.Site, state: str) -> None:
    """Bytecode, a hot fix: what runs runs from them. As they are when it ends, they are what is gone back to."""
    site.run("better")
    site.run("good")
    site.world.contents = {fake.DIGESTS["good"]: "sha256:with-bytecode"}
    told = act(site, state, "better")
    assert told["outcome"] in GOOD, told["msg"]
    assert any("is not what it was" in text for text in told["warnings"])
    assert runs(site) == "better"
    if state == "present":
        check = site.run(state="rolled_back", service=None, check=True)
        row = next(row for row in check["checks"] if row["id"] == "release.pre.target")
        assert row["status"] == "pass", row
        assert site.run(state="rolled_back", service=None)["outcome"] == "rolled_back"
        assert runs(site) == "good"


def test_files_that_changed_after_they_ended_are_not_what_is_gone_back_to(site: fake.Site) -> None:
    site.run("good")
    site.run("better")
    site.world.contents = {fake.DIGESTS["good"]: "sha256:by-somebody"}
    for check in (True, False):
        told = site.run(state="rolled_back", service=None, check=check)
        assert told["outcome"] == "refused"
        assert "is not what it was" in told["msg"]
        assert "rollback_to" in told["msg"]
        row = next(row for row in told["checks"] if row["id"] == "release.pre.target")
        assert row["status"] == "fail"


def test_a_damaged_release_that_runs_is_no_hindrance(site: fake.Site) -> None:
    site.run("good")
    site.run("better")
    (site.state / "releases" / f"{history(site)['current']}.json").write_text("garbage")
    told = site.run("good")
    assert (told["outcome"], "Remove that file" in told["msg"]) == ("refused", True)
    back = site.run(state="rolled_back", service=None)
    assert (back["outcome"], runs(site)) == ("rolled_back", "good"), back["msg"]


# --- a full disk ------------------------------------------------------------------------------------------


def full(site: fake.Site) -> Any:
    """Let no file be written as long as the reserve is there, as on a disk that is full to the last byte."""
    real = disk.put

    def put(path: str, data: bytes, *more: Any) -> None:
        if (site.state / "reserve").exists() and data:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), path)
        real(path, data, *more)

    return mock.patch.object(disk, "put", put)


@each("state", ["rolled_back", "recovered"])
def test_a_full_disk_stops_no_way_back(site: fake.Site, state: str) -> None:
    site.run("good")
    site.run("better")
    with full(site):
        told = act(site, state)
        assert told["outcome"] in GOOD, told["msg"]
    assert runs(site) == ("good" if state == "rolled_back" else "better")


def test_a_full_disk_is_told_with_the_path_and_what_to_do(site: fake.Site) -> None:
    site.run("good")
    with full(site):
        told = site.run("better")
    assert (told["outcome"], runs(site)) == ("refused", "good")
    assert str(site.state) in told["msg"]
    assert "Make room" in told["msg"]
    assert (site.state / "reserve").exists(), "that is for going back"


def test_a_write_that_fails_names_its_file(tmp_path: Path) -> None:
    bare = OSError(errno.ENOSPC, "No space left on device")
    with mock.patch("os.write", side_effect=bare), pytest.raises(OSError, match=str(tmp_path)):
        disk.write(str(tmp_path / "file"), b"x")


# --- where it leads ---------------------------------------------------------------------------------------


@each("keep", [2, 3, 6])
def test_what_one_got_away_from_is_not_where_the_next_step_leads(site: fake.Site, keep: int) -> None:
    """A, B, C, B again: back to C, and from there to A, not to the B that was just left."""
    site.world.digests["best"] = "sha256:4"
    service = {**fake.SERVICE, "keep": keep}
    seen = []
    for tag in ("good", "better", "best", "better"):
        assert site.run(tag, service=service)["outcome"] == "deployed"
        seen.append(tag)
    for expected in ("best", "good"):
        line = (site.state / ".previous-tags").read_text()
        told = site.run(state="rolled_back", service=None)
        if keep == 2 and expected == "good" and told["outcome"] == "refused":
            assert line == "", "nothing that cannot be reached is named"
            return
        assert (told["outcome"], runs(site)) == ("rolled_back", expected), told["msg"]
        assert line == f"app=registry.example.com/app:{expected}\n"


def test_a_release_whose_file_is_gone_is_none_to_go_back_to(site: fake.Site) -> None:
    site.world.digests["best"] = "sha256:4"
    for tag in ("good", "better", "best"):
        site.run(tag)
    gone = next(entry["id"] for entry in history(site)["releases"] if entry["tag"] == "better")
    (site.state / "releases" / f"{gone}.json").unlink()
    assert site.run(state="rolled_back", service=None)["release"]["tag"] == "good"


# --- a controller that is gone ----------------------------------------------------------------------------


def test_hanging_up_is_noticed_and_a_file_tells_nothing(tmp_path: Path) -> None:
    read, write = os.pipe()
    assert not controller.is_gone(write)
    os.close(read)
    assert controller.is_gone(write)
    os.close(write)
    assert not controller.is_gone(write), "closed: nothing is known"
    with (tmp_path / "out").open("w") as out:
        assert not controller.is_gone(out.fileno())


@each("phase", [phase.name for phase in phases.PHASES if phase.journaled and phase.name not in ("commit", "prune")])
@each("state", ["present", "rolled_back", "restarted"])
def test_a_deploy_without_its_controller_is_undone_and_a_rollback_finished(
    site: fake.Site, state: str, phase: str
) -> None:
    site.run("better")
    site.run("good")

    def gone(*_unused: Any) -> bool:
        journal = site.state / "journal.json"
        return journal.exists() and json.loads(journal.read_text())["phase"] == phase

    with mock.patch.object(controller, "is_gone", gone):
        told = act(site, state, "better")
    if state == "present":
        assert told["outcome"] in ("refused", "reverted"), told["msg"]
        assert "controller is gone" in told["msg"]
        assert runs(site) == "good"
    else:
        assert told["outcome"] in GOOD
        assert runs(site) == ("better" if state == "rolled_back" else "good")
    assert site.run("better")["outcome"] in GOOD


WAITS = """
import os, sys, time
sys.path.insert(0, sys.argv[1])
from module_utils.release import controller
while not controller.is_gone():
    time.sleep(0.05)
open(sys.argv[2], "w").close()
"""


@each("how", ["pipe", "socket"])
def test_a_program_sees_that_its_reader_has_ended(checkout: Path, tmp_path: Path, how: str) -> None:
    seen = tmp_path / "seen"
    mine, its = socket.socketpair() if how == "socket" else (None, None)
    process = subprocess.Popen(
        [sys.executable, "-c", WAITS, str(checkout / "plugins"), str(seen)],
        stdin=its or subprocess.DEVNULL, stdout=its or subprocess.PIPE,
    )  # fmt: skip
    if mine and its:
        its.close()
        mine.shutdown(socket.SHUT_WR)  # the end of its input is no hanging up
    with pytest.raises(subprocess.TimeoutExpired):
        process.wait(timeout=0.7)
    (mine or process.stdout).close()  # type: ignore[union-attr]
    assert process.wait(timeout=10) == 0
    assert seen.exists()


def test_a_silent_engine_is_waited_for_and_nothing_is_gone_past(site: fake.Site) -> None:
    interrupted(site)
    silent = StepFailed("the engine does not answer")
    silent.status = 0  # type: ignore[attr-defined]
    with (
        mock.patch.object(fake.FakeKind, "start", side_effect=silent),
        mock.patch("ansible_collections.muster.fleet.plugins.module_utils.release.recovery.ENGINE_S", 0.1),
    ):
        told = site.run("better")
    assert told["failed"]
    assert "Start the container engine" in told["msg"]
    assert (site.state / "journal.json").exists()
    assert site.run("better")["outcome"] == "deployed"
