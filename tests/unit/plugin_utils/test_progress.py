# Copyright (c) 2026 the muster.fleet authors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Progress is told now and then, by exactly one of many workers, and never stands in a run's way."""

from __future__ import annotations

import multiprocessing
import os
import time
from pathlib import Path
from typing import Any

import pytest

from ansible_collections.muster.fleet.plugins.plugin_utils import progress, rundir

BAD = {"id": "x", "status": "fail", "message": "GPU 3 is narrow"}


@pytest.fixture(name="run")
def run_fixture(tmp_path: Path) -> rundir.RunDirectory:
    """A run that has begun."""
    run = rundir.RunDirectory(str(tmp_path), "r1")
    run.expect(["a"])
    return run


def age(run: rundir.RunDirectory, seconds: float) -> None:
    """Let the run, and the last line that was told, be older."""
    then = time.time() - seconds
    for name in (rundir.EXPECTED, progress.TOLD):
        os.utime(run.path / name, (then, then))


def record(verdict: str = "ready", name: str = "a", **more: Any) -> dict[str, Any]:
    return {"name": name, "verdict": verdict, "reason": None, "results": [], **more}


def test_nothing_is_said_before_a_line_is_due_and_the_end_is_told(run: rundir.RunDirectory) -> None:
    lines = [progress.note(run, record(verdict), 4) for verdict in ("ready", "not_ready", "unknown", "degraded")]
    assert lines[:3] == [None] * 3
    assert lines[3] == "muster: 4 of 4 hosts, 1 not ready, 1 unknown, after 0 s"


def test_a_line_is_due_now_and_then_and_says_how_long_it_may_take(run: rundir.RunDirectory) -> None:
    assert progress.note(run, record(), 100) is None
    age(run, 60)
    line = progress.note(run, record("not_ready"), 100)
    assert line == "muster: 2 of 100 hosts, 1 not ready, 0 unknown, about 49 min left"
    assert progress.note(run, record(), 100) is None


def test_many_hosts_in_a_short_time_are_few_lines(run: rundir.RunDirectory) -> None:
    lines = [progress.note(run, record(), 1000) for _host in range(1000)]
    assert [line for line in lines if line] == ["muster: 1000 of 1000 hosts, 0 not ready, 0 unknown, after 0 s"]


def test_when_asked_for_every_host_is_told_with_its_first_finding(run: rundir.RunDirectory) -> None:
    line = progress.note(run, record("not_ready", "n7", results=[{**BAD, "status": "pass"}, BAD]), 3, True)
    assert line is not None
    assert line.startswith("muster: 1 of 3 hosts, 1 not ready, 0 unknown, ")
    assert line.endswith(": n7 is not ready: GPU 3 is narrow")
    line = progress.note(run, record("unknown", "n8", reason="not\n\x1bthere"), 3, True)
    assert str(line).endswith(": n8 is unknown: not there")


def test_one_host_alone_is_no_progress(run: rundir.RunDirectory) -> None:
    assert progress.note(run, record(), 1) is None


def test_it_never_stands_in_the_way(run: rundir.RunDirectory) -> None:
    (run.path / progress.FILE).mkdir()
    assert progress.note(run, record(), 2, True) is None


def work(path: str) -> list[str | None]:
    run = rundir.RunDirectory(path, "r1")
    return [progress.note(run, record("not_ready"), 400) for _host in range(50)]


def test_of_many_workers_exactly_one_tells_the_end(run: rundir.RunDirectory, tmp_path: Path) -> None:
    with multiprocessing.get_context("fork").Pool(8) as pool:
        lines = [line for told in pool.map(work, [str(tmp_path)] * 8) for line in told if line]
    (last,) = [line for line in lines if "400 of 400" in line]
    assert last.startswith("muster: 400 of 400 hosts, 400 not ready, 0 unknown, after ")
    assert (run.path / progress.FILE).read_bytes() == b"n" * 400


def test_it_costs_next_to_nothing(run: rundir.RunDirectory) -> None:
    began = time.process_time()
    for _host in range(1000):
        progress.note(run, record(), 5000)
    assert (time.process_time() - began) / 1000 < 0.001, "a host may cost a millisecond at most"
