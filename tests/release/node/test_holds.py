# Copyright (c) 2026 the muster.fleet authors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""A deploy of what runs already judges what runs; another gate or other stop settings are taken over, or said."""

from __future__ import annotations

import json
import os
import signal
import time

import pytest

from node import Bench, Ran

each = pytest.mark.parametrize


@pytest.fixture
def v1(bench: Bench) -> Bench:
    """A service whose release v1 runs, with a gate that gives up soon."""
    bench.service["gate"]["timeout_s"] = 2
    assert bench.deploy("v1")["outcome"] == "deployed"
    return bench


def inspected(bench: Bench) -> dict[str, object]:
    return dict(json.loads(bench.daemon.docker("inspect", bench.name))[0])


def pid(bench: Bench) -> int:
    return int(inspected(bench)["State"]["Pid"])  # type: ignore[index,call-overload]


def failed(ran: Ran, *words: str) -> None:
    """Assert that what runs was found to be bad, that nothing was done about it, and what to do stands there."""
    assert (ran["outcome"], ran["failed"], ran["changed"]) == ("failed", True, False), ran["msg"]
    assert all(word in ran["msg"] for word in ("v1", "not good", "rollback", *words)), ran["msg"]
    assert any(row["status"] == "fail" for row in ran["checks"] if row["id"].startswith("release.post."))


def breaks(bench: Bench, how: str) -> None:
    """Let what runs go wrong without its container noticing."""
    if how == "error":
        script = "printf '#!/bin/busybox sh\\necho Status: 500; echo; echo no\\n' >/www/cgi-bin/health"
        bench.daemon.docker("exec", bench.name, "/bin/busybox", "sh", "-c", script)
    elif how == "frozen":
        os.kill(pid(bench), signal.SIGSTOP)
    else:
        before = pid(bench)
        os.kill(before, signal.SIGKILL)
        ends = time.monotonic() + 10
        while pid(bench) in (0, before) and time.monotonic() < ends:
            time.sleep(0.05)


@each(("how", "said"), [("error", "HTTP 500"), ("frozen", "stopped by a signal"), ("crashed", "1 restarts")])
@each("state", ["present", "recovered"])
def test_what_runs_and_is_not_good_is_not_unchanged(v1: Bench, how: str, said: str, state: str) -> None:
    breaks(v1, how)
    ran = v1.deploy("v1") if state == "present" else v1.run(state=state, service=None)
    if how == "frozen":
        os.kill(pid(v1), signal.SIGCONT)
    assert (ran["outcome"], ran["failed"], ran["changed"]) == ("failed", True, False), ran["msg"]
    if state == "present":
        failed(ran, said)
    assert v1.run(state="restarted", service=None)["outcome"] == "restarted", "the way out that the message names"
    assert v1.deploy("v1")["outcome"] == "unchanged"


def test_a_crash_loop_is_told_at_whatever_moment_it_is_seen(v1: Bench) -> None:
    """Between two crashes a container runs, and while it waits for the next start it is called restarting."""
    v1.daemon.docker("exec", v1.name, "/bin/busybox", "sh", "-c", "echo crash >/MODE")
    breaks(v1, "crashed")
    for _ in range(4):
        failed(v1.deploy("v1"), "restart")


def test_an_unhealthy_container_is_not_replaced_unasked(bench: Bench) -> None:
    bench.service["gate"]["timeout_s"] = 2
    command = ["/bin/busybox", "test", "!", "-e", "/sick"]
    bench.service["healthcheck"] = {"command": command, "interval_s": 0.2, "retries": 1}
    assert bench.deploy("v1")["outcome"] == "deployed"
    bench.daemon.docker("exec", bench.name, "/bin/busybox", "touch", "/sick")
    time.sleep(1)
    failed(bench.deploy("v1"), "unhealthy")


def test_a_dry_run_asks_the_gate_too(v1: Bench) -> None:
    breaks(v1, "error")
    failed(v1.deploy("v1", check=True), "HTTP 500")


def test_what_does_not_run_is_replaced_by_itself(v1: Bench) -> None:
    v1.daemon.docker("stop", "-t", "0", v1.name)
    ran = v1.deploy("v1")
    assert ran["outcome"] == "deployed"
    assert any("does not run (it is exited)" in text for text in ran["warnings"]), ran["warnings"]


def test_another_gate_is_tried_and_taken_over(v1: Bench) -> None:
    http = v1.service["gate"]["http"]
    v1.service["gate"]["http"] = {**http, "contains": "nevernever"}
    failed(v1.deploy("v1"), "without that text")
    v1.service["gate"]["http"] = {**http, "contains": "ok v1"}
    ran = v1.deploy("v1")
    assert (ran["outcome"], ran["changed"]) == ("unchanged", False), ran["msg"]
    assert "holds from now on: gate" in ran["msg"]
    rows = {row["id"]: row["status"] for row in ran["checks"]}
    assert (rows["release.post.http"], rows["release.post.listener"], rows["release.post.disk"]) == ("pass",) * 3
    spec = json.loads((v1.state / "releases" / f"{v1.history()['current']}.json").read_text())
    assert spec["service"]["gate"]["http"]["contains"] == "ok v1"
    assert v1.deploy("v1")["msg"].endswith("passes its gate"), "nothing is new any more"


def test_other_stop_settings_reach_the_container(v1: Bench) -> None:
    v1.service["stop"] = {"grace_s": 3, "signal": "SIGINT"}
    assert v1.deploy("v1")["outcome"] == "deployed"
    config = inspected(v1)["Config"]
    assert (config["StopSignal"], config["StopTimeout"]) == ("SIGINT", 3)  # type: ignore[index]
    assert v1.deploy("v1")["outcome"] == "unchanged"


def test_a_dependant_that_is_not_restarted_is_judged(v1: Bench) -> None:
    v1.service["protected"] = True
    assert v1.deploy("v1")["outcome"] == "unchanged"
    assert v1.run(state="restarted", service=None)["outcome"] == "unchanged"
    breaks(v1, "error")
    assert v1.run(state="restarted", service=None)["outcome"] == "failed"
    v1.daemon.docker("stop", "-t", "0", v1.name)
    assert v1.run(state="restarted", service=None)["outcome"] == "unchanged", "it may have done its work"
