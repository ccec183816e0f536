# Copyright (c) 2026 the muster.fleet authors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What a release does and does not do to a service, on a real engine."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from pathlib import Path

import pytest
from rack.images import layer
from rack.registry import queue

from ansible_collections.muster.fleet.plugins.module_utils.release import readiness
from node import Bench
from node.bench import SECRET

BUSYBOX = Path("/usr/bin/busybox")  # brought along with the daemon


def _everything(folder: Path) -> dict[str, tuple[int, bytes]]:
    """Return all files below a folder but the service's own data."""
    files = [path for path in folder.rglob("*") if path.is_file() and "data" not in path.relative_to(folder).parts]
    return {str(path): (path.stat().st_mtime_ns, path.read_bytes()) for path in files}


def test_deployed_unchanged_and_back(bench: Bench) -> None:
    first = bench.deploy("v1")
    assert (first["outcome"], first["changed"], first["previous"]) == ("deployed", True, None)
    again = bench.deploy("v1")
    assert (again["outcome"], again["changed"]) == ("unchanged", False)
    assert bench.deploy("v2")["previous"]["tag"] == "v1"
    assert (bench.state / ".previous-tags").read_text() == f"queue={bench.registry.host}/annotation-queue:v1\n"
    back = bench.back()
    assert (back["outcome"], back["release"]["tag"]) == ("rolled_back", "v1")
    assert bench.agree() == "v1"
    assert bench.back()["outcome"] == "refused", "v2 was gone back from: it is no way back"


def test_check_mode_changes_nothing_and_asks_the_registry(bench: Bench) -> None:
    fresh = bench.deploy("v1", check=True)
    assert (fresh["outcome"], fresh["changed"], fresh["release"]) == ("deployed", True, None)
    assert not bench.state_dir.exists()
    assert not bench.config.exists()
    bench.deploy("v1")
    before, images = _everything(bench.folder), sorted(bench.daemon.docker("images", "-aq").split())
    told = bench.deploy("v2", check=True)
    assert told["diff"]["before"]["digest"] != told["diff"]["after"]["digest"]
    assert told["diff"]["before"]["files"] != told["diff"]["after"]["files"]
    assert SECRET not in json.dumps(told)
    assert _everything(bench.folder) == before
    assert sorted(bench.daemon.docker("images", "-aq").split()) == images
    assert bench.agree() == "v1"


def test_moved_tag_is_a_change_and_rolls_back(bench: Bench) -> None:
    programs = {"busybox": BUSYBOX.read_bytes()}
    bench.service["image"] = f"{bench.registry.host}/moving"
    first = bench.registry.push_queue("moving", programs["busybox"], latest="good")["latest"]
    assert bench.deploy("latest")["outcome"] == "deployed"
    second = bench.registry.push_queue("moving", programs["busybox"], latest="deaf")["latest"]
    moved = bench.deploy("latest")
    assert (moved["outcome"], moved["release"]["digest"]) == ("deployed", second)
    back = bench.back()
    assert (back["outcome"], back["release"]["digest"]) == ("rolled_back", first)
    assert any("137" in warning for warning in back["warnings"]), "it was deaf to SIGTERM"


def test_two_bad_releases_and_the_last_good_one_still_runs(bench: Bench) -> None:
    bench.deploy("v1")
    crash, sick = bench.deploy("v3"), bench.deploy("v4")
    assert (crash["outcome"], sick["outcome"]) == ("reverted", "reverted")
    assert "restart" in crash["msg"] or "running" in crash["msg"]
    assert "HTTP 500" in sick["msg"]
    assert bench.agree() == "v1"
    assert bench.back()["outcome"] == "refused", "bad releases are no way back"
    assert [entry["verified"] for entry in bench.history()["releases"]] == [False, False, True]


def test_frozen_offset_is_no_good_release(bench: Bench) -> None:
    file = str(bench.data / "offset.yaml")
    bench.service["gate"]["advancing"] = {"file": file, "key": "offset", "within_s": 2}
    assert bench.deploy("v1")["outcome"] == "deployed"
    stuck = bench.deploy("v6")
    assert (stuck["outcome"], bench.agree()) == ("reverted", "v1")
    assert "advancing" in stuck["msg"]
    row = next(row for row in stuck["checks"] if row["id"] == "release.post.advancing")
    assert row["source"] == file


def test_all_of_it_runs_on_the_oldest_python(bench: Bench) -> None:
    bench.python = shutil.which("python3.9") or ""
    if not bench.python or subprocess.run([bench.python, "-V"], capture_output=True, check=False).returncode:
        pytest.skip("not run here: no Python 3.9 on this machine")
    assert bench.deploy("v1")["outcome"] == "deployed"
    assert bench.deploy("v2", kill={"at": "start", "when": "after"}) == {}
    assert bench.run(state="recovered", service=None)["outcome"] == "recovered"
    assert bench.deploy("v2")["outcome"] == "deployed"
    assert bench.deploy("v4")["outcome"] == "reverted"
    assert bench.back()["outcome"] == "rolled_back"
    assert bench.agree() == "v1"


def test_release_that_begins_anew_is_led_back(bench: Bench) -> None:
    """It advances, and reads everything twice."""
    file = bench.data / "offset.yaml"
    bench.service["gate"]["advancing"] = {"file": str(file), "key": "offset", "within_s": 5}
    bench.registry.push_queue("annotation-queue", BUSYBOX.read_bytes(), anew="anew")
    file.write_text("offset: 7000\n")
    first = bench.deploy("v1")
    assert first["outcome"] == "deployed", "nothing ran that it could go on from"
    row = next(row for row in first["checks"] if row["id"] == "release.post.resumed")
    assert (row["status"], row["message"]) == ("not_applicable", "no number stood there that it could go on from")
    anew = bench.deploy("anew")
    assert (anew["outcome"], bench.agree()) == ("reverted", "v1")
    assert "resumed: 1, expected at least 70" in anew["msg"]
    good = bench.deploy("v2")
    row = next(row for row in good["checks"] if row["id"] == "release.post.resumed")
    assert (good["outcome"], row["status"], row["source"]) == ("deployed", "pass", str(file))
    bench.service["gate"]["advancing"]["resumes"] = False
    assert bench.deploy("anew")["outcome"] == "deployed", "a service may count anew, if it says so"


def test_number_is_known_to_the_run_that_recovers(bench: Bench) -> None:
    """Killed with the new release just started: whoever finishes it holds the same number against it."""
    file = bench.data / "offset.yaml"
    bench.service["gate"]["advancing"] = {"file": str(file), "key": "offset", "within_s": 5}
    bench.registry.push_queue("annotation-queue", BUSYBOX.read_bytes(), anew="anew")
    file.write_text("offset: 7000\n")
    bench.deploy("v1")
    bench.deploy("anew", kill={"at": "gate", "when": "after"})
    told = bench.run(state="recovered", service=None)
    assert "resumed: " in told["msg"]
    assert bench.agree() == "v1"


def test_first_deploy_of_a_bad_release_leaves_nothing(bench: Bench) -> None:
    bad = bench.deploy("v3")
    assert (bad["outcome"], bad["failed"]) == ("failed", True)
    assert "Nothing runs" in bad["msg"]
    assert bench.running() == []
    assert not bench.config.exists()
    assert bench.deploy("v1")["outcome"] == "deployed"
    assert bench.agree() == "v1"


def test_what_was_started_by_hand_is_the_way_back(bench: Bench) -> None:
    bench.deploy("v1")
    digest = bench.history()["releases"][0]["digest"]
    bench.daemon.docker("rm", "-f", "queue")
    subprocess.run(["rm", "-r", str(bench.state_dir)], check=True)
    bench.config.write_text("by hand\n")
    own = ["--name", "queue", "--network", "host", "--restart", "always", "-e", f"PORT={bench.port}"]
    bench.daemon.docker("run", "-d", *own, f"{bench.registry.host}/annotation-queue@{digest}")
    bad = bench.deploy("v4")
    assert bad["outcome"] == "reverted", bad["msg"]
    assert bench.config.read_text() == "by hand\n"
    assert bench.deploy("v2")["outcome"] == "deployed"
    aside = next(entry for entry in bench.containers() if not entry["running"])
    assert aside["policy"] == "no"
    back = bench.back()
    assert (back["outcome"], bench.config.read_text()) == ("rolled_back", "by hand\n")
    assert [(entry["name"], entry["policy"]) for entry in bench.containers() if entry["running"]] == [
        ("queue", "always")
    ]


def test_configuration_alone_is_a_release_and_goes_back_with_it(bench: Bench) -> None:
    bench.deploy("v1")
    bench.service["env"]["LEVEL"] = "debug"
    assert bench.deploy("v1")["outcome"] == "deployed"
    env = bench.daemon.docker("inspect", "queue", "-f", "{{.Config.Env}}")
    assert "LEVEL=debug" in env
    bench.back()
    assert "LEVEL" not in bench.daemon.docker("inspect", "queue", "-f", "{{.Config.Env}}")


def test_changed_file_is_written_again(bench: Bench) -> None:
    bench.deploy("v1")
    bench.config.write_text("changed by hand\n")
    again = bench.deploy("v1")
    assert again["outcome"] == "deployed"
    assert any(str(bench.config) in warning for warning in again["warnings"])
    assert bench.agree() == "v1"


def test_restarted_and_of_run(bench: Bench) -> None:
    bench.deploy("v1", run_id="first")
    bench.deploy("v2", run_id="second")
    assert bench.back(of_run="another")["outcome"] == "unchanged"
    restarted = bench.run(state="restarted", service=None, run_id="third")
    assert (restarted["outcome"], restarted["release"]["tag"], restarted["previous"]["tag"]) == (
        "restarted",
        "v2",
        "v1",
    )
    assert bench.back(of_run="third")["release"]["tag"] == "v1", "a restart is no step"


def test_two_steps_back_without_registry_and_after_a_prune(bench: Bench) -> None:
    for tag in ("v1", "v2", "v5"):
        bench.deploy(tag)
    bench.daemon.docker("image", "prune", "-af")
    bench.registry.stop()
    try:
        back = bench.back(to=2)
    finally:
        bench.registry.start()
    assert (back["outcome"], bench.agree()) == ("rolled_back", "v1")


def test_no_way_back_is_refused_while_the_service_stays_up(bench: Bench) -> None:
    bench.deploy("v1")
    bench.deploy("v2")
    assert readiness.run(bench.params())["rollback"]["possible"] is True
    bench.daemon.docker("system", "prune", "-af")
    ready = readiness.run(bench.params())
    assert (ready["rollback"]["possible"], ready["running"]) == (False, True)
    assert "v1" in ready["rollback"]["why_not"]
    bench.registry.stop()
    try:
        back = bench.back()
    finally:
        bench.registry.start()
    assert (back["outcome"], back["changed"]) == ("refused", False)
    assert "not on this machine any more" in back["msg"]
    assert bench.agree() == "v2"
    assert bench.back()["outcome"] == "rolled_back", "with the registry back, the digest is pulled again"
    assert bench.agree() == "v1"


def test_restarted_engine_starts_the_current_release_only(bench: Bench) -> None:
    bench.service["restart"] = "always"
    bench.deploy("v1")
    bench.deploy("v2")
    os.kill(bench.daemon.pid, 9)
    while bench.daemon.pid:
        pass
    bench.daemon.again()
    assert bench.agree() == "v2"


def test_prune_removes_only_what_is_ours(bench: Bench) -> None:
    bench.daemon.docker("pull", f"{bench.registry.host}/annotation-queue:v6")
    bench.service["keep"] = 1
    for tag in ("v1", "v2", "v1", "v2"):
        assert bench.deploy(tag)["outcome"] == "deployed"
    assert len(bench.containers()) == 2, "the one that runs and the one to go back to"
    assert len(list((bench.state / "releases").iterdir())) == 2
    assert f"{bench.registry.host}/annotation-queue:v6" in bench.daemon.docker(
        "images", "--format", "{{.Repository}}:{{.Tag}}"
    )


def test_protected_service_is_not_stopped(bench: Bench) -> None:
    bench.service["protected"] = True
    assert bench.deploy("v1")["outcome"] == "deployed", "nothing ran that could be stopped"
    again = bench.deploy("v2")
    assert (again["outcome"], bench.agree()) == ("refused", "v1")
    assert "protected" in again["msg"]


def test_secrets_are_told_nowhere(bench: Bench) -> None:
    results = [bench.deploy("v1"), bench.deploy("v2"), bench.deploy("v4"), bench.back()]
    assert SECRET not in json.dumps(results)
    for path in (*bench.state.glob("*.json*"), bench.state / ".previous-tags"):
        assert SECRET not in path.read_text(), path
    assert not any(SECRET in entry["shown"] for entry in bench.containers())
    kept = list((bench.state / "releases").iterdir())
    assert any(SECRET in path.read_text() for path in kept), "or configuration could not be rolled back"
    assert {path.stat().st_mode & 0o777 for path in kept} == {0o600}
    assert bench.state.stat().st_mode & 0o777 == 0o700


def test_secret_changes_are_seen_by_their_hash(bench: Bench) -> None:
    bench.deploy("v1")
    bench.service["env"]["PASSWORD"] = "another"
    told = bench.deploy("v1", check=True)
    before, after = told["diff"]["before"]["env"]["PASSWORD"], told["diff"]["after"]["env"]["PASSWORD"]
    assert before != after
    assert before.startswith("hash:")
    assert told["changed"]


def test_wrong_architecture_is_refused(bench: Bench) -> None:
    bench.deploy("v1")
    programs = layer({"bin/busybox": BUSYBOX.read_bytes()}, executable=("bin/busybox",))
    bench.registry.push("annotation-queue", "arm", queue(programs, "arm", "good", "arm64"))
    told = bench.deploy("arm")
    assert (told["outcome"], bench.agree()) == ("refused", "v1")
    assert "is made for arm64, and this machine is amd64" in told["msg"]
