# Copyright (c) 2026 the muster.fleet authors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Who holds an accelerator is found among real processes; device nodes are stood in for by files."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from unittest import mock

import pytest

from ansible_collections.muster.fleet.plugins.module_utils.release import StepFailed, guard

each = pytest.mark.parametrize


@pytest.fixture
def proc(tmp_path: Path) -> Path:
    """A /proc of our own: process 10 trains on card 0, its child 11 on card 1, 12 watches, 13 has none."""
    held = {10: ["/dev/nvidia0", "/dev/nvidiactl"], 11: ["/dev/nvidia1"], 12: ["/dev/nvidia0"], 13: ["/dev/null"]}
    names = {10: "python", 11: "python", 12: "nv-hostengine", 13: "sh"}
    for pid, paths in held.items():
        folder = tmp_path / str(pid) / "fd"
        folder.mkdir(parents=True)
        for number, path in enumerate(paths):
            (folder / str(number)).symlink_to(path)
        (tmp_path / str(pid) / "comm").write_text(f"{names[pid]}\n")
        (tmp_path / str(pid) / "stat").write_text(f"{pid} (a (b) c) S {10 if pid == 11 else 1} 0\n")
        (tmp_path / str(pid) / "cgroup").write_text(f"0::/docker/{'abc' if pid == 10 else 'none'}\n")
    (tmp_path / "self").mkdir()
    return tmp_path


@pytest.fixture(autouse=True)
def _looked_at(proc: Path) -> Iterator[None]:
    with mock.patch.object(guard, "PROC", str(proc)):
        yield


def holders(given: Any = None, own: Any = (), things: Any = (), engine: Any = None) -> list[str]:
    return [f"{holder.device} {holder.who}" for holder in guard.holders(given, own, things, engine)]


FIRST, SECOND = "/dev/nvidia0 process 10 (python)", "/dev/nvidia1 process 11 (python)"


@each(
    ("asked", "found"),
    [
        ({}, [FIRST, SECOND]),
        ({"given": ["/dev/nvidia1"]}, [SECOND]),
        ({"given": ["/dev/nvidia2"]}, []),
        ({"given": ["/dev/fuse"]}, []),
        ({"given": []}, []),
        ({"own": [10]}, []),
        ({"own": [11]}, [FIRST]),
        ({"things": ["abc"]}, [SECOND]),
        ({"things": [""]}, [FIRST, SECOND]),
    ],
)
def test_holders(asked: dict[str, Any], found: list[str]) -> None:
    assert holders(**asked) == found


def test_what_cannot_be_looked_into_is_never_free(proc: Path) -> None:
    with (
        mock.patch("os.listdir", side_effect=PermissionError(13, "denied")),
        pytest.raises(StepFailed, match="nobody knows"),
    ):
        holders()
    real = os.listdir

    def denied(path: str) -> list[str]:
        if path.endswith("13/fd"):
            raise PermissionError(13, "denied")
        return real(path)

    with mock.patch("os.listdir", denied), pytest.raises(StepFailed, match="13/fd"):
        holders()
    (proc / "13" / "stat").write_text("13 (sh) Z 1\n")
    with mock.patch("os.listdir", denied):
        assert holders() == [FIRST, SECOND]


class Engine:
    """An engine with one container that is given cards and has them closed at this moment."""

    def __init__(self, pid: int = 13, **host: Any) -> None:
        self.shown = {"Id": "train", "Name": "/train", "State": {"Pid": pid}, "HostConfig": host}

    def call(self, *unused: Any) -> list[dict[str, str]]:
        return [{"Id": "train"}, {"Id": "gone"}]

    def container(self, name: str) -> Any:
        return self.shown if name == "train" else None


ALL = [{"Count": -1, "DeviceIDs": None}]


@each(
    ("given", "host", "found"),
    [
        (["/dev/nvidia7"], {"DeviceRequests": ALL}, ["/dev/nvidia* container train"]),
        (["/dev/nvidia7"], {"DeviceRequests": [{"DeviceIDs": ["7"]}]}, ["/dev/nvidia7 container train"]),
        (["/dev/nvidia7"], {"DeviceRequests": [{"DeviceIDs": ["6"]}]}, []),
        (["/dev/nvidia7"], {"DeviceRequests": [{"DeviceIDs": ["GPU-1f"]}]}, ["/dev/nvidia* container train"]),
        (["/dev/kfd", "/dev/dri/renderD129"], {"Devices": [{"PathOnHost": "/dev/kfd"}]}, []),
        (["/dev/kfd"], {"Devices": [{"PathOnHost": "/dev/kfd"}]}, ["/dev/kfd container train"]),
        (["/dev/nvidia7"], {"Devices": [{"PathOnHost": "/dev/fuse"}]}, []),
        (["/dev/nvidia7"], {}, []),
    ],
)
def test_containers_that_are_given_cards(given: list[str], host: dict[str, Any], found: list[str]) -> None:
    assert holders(given, engine=Engine(**host)) == found


def test_a_container_is_told_once_and_monitoring_is_none() -> None:
    assert holders(engine=Engine(10, DeviceRequests=ALL)) == [FIRST, SECOND]
    assert holders(["/dev/nvidia9"], engine=Engine(12, DeviceRequests=ALL)) == []
    assert holders(["/dev/nvidia9"], things=["train"], engine=Engine(DeviceRequests=ALL)) == []


def test_told_in_one_line() -> None:
    many = [guard.Holder(f"/dev/nvidia{number}", "process 1 (x)") for number in range(8)]
    assert guard.told(many[:1]) == "/dev/nvidia0 by process 1 (x)"
    assert guard.told(many).endswith("and 3 more")


def test_a_real_process_is_seen(tmp_path: Path) -> None:
    device = tmp_path / "renderD128"
    device.touch()
    with (
        mock.patch.object(guard, "PROC", "/proc"),
        mock.patch.object(guard, "is_accelerator", lambda path: path == str(device)),
        device.open() as handle,
        subprocess.Popen(["sleep", "60"], stdin=handle) as sleeper,
    ):
        pids = {os.getpid(), sleeper.pid}
        found = guard._processes(None, set(), [])
        sleeper.kill()
    assert {int(holder.who.split()[1]) for holder in found} == pids
