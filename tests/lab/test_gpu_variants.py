# Copyright (c) 2026 the muster.fleet authors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Healthy machines that answer otherwise than the simulated rack does: nothing about them may be red."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))

from detection import base, red, results

UNWIRED = (4, 5, 10, 11, 16, 17)


def nvml(**answers):
    return {f"gpu.*.nvmlDeviceGet{call}": str(value) for call, value in answers.items()}


def fabric(klass, old, new):
    said = base(klass).recording.document["nvml"]
    keys = [key for key in said if key.endswith("GpuFabricInfoV")]
    return {key: said[key].replace(old, new) for key in keys}


def seen(klass, answers, asks=None):
    return red(results(klass, {"muster_recording": 1, "nvml": answers}, asks))


DOWN = {
    **nvml(**{f"NvLinkState({link})": 0 for link in UNWIRED}),
    **nvml(**{f"FieldValues(164,{link})": 0 for link in UNWIRED}),
    **nvml(**{f"NvLinkRemoteDeviceType({link})": "!3" for link in UNWIRED}),
    **nvml(**{f"NvLinkErrorCounter({link},{kind})": "!3" for link in UNWIRED for kind in range(4)}),
}


def test_twelve_of_eighteen_links_are_wired():
    assert seen("hgx_h100", DOWN, {"gpu.nvlink_count": 12}) == {}
    found = seen("hgx_h100", DOWN)
    assert set(found) == {"nvlink.link.count"}
    assert all(len(message) < 120 for message in found["nvlink.link.count"][1])


def test_counters_that_have_not_moved_for_long():
    key = "gpu.3.nvmlDeviceGetNvLinkErrorCounter"
    assert seen("hgx_h100", {f"{key}(5,0)": "3", f"{key}(5,1)": "12", f"{key}(5,3)": "1"}) == {}


@pytest.mark.parametrize("mask", ["0x0aa", "0x0a8", "0x08a"])
def test_parts_of_the_fabric_health_that_nobody_watches(mask):
    assert seen("gb200_tray", fabric("gb200_tray", "healthMask=0x1aa", f"healthMask={mask}")) == {}


def test_one_gpu_that_does_not_watch_beside_others_that_do_is_unknown():
    said = fabric("gb200_tray", "healthMask=0x1aa", "healthMask=0x0aa")
    (key,) = [key for key in said if key.startswith("gpu.3.")]
    assert {name: status for name, (status, unused) in seen("gb200_tray", {key: said[key]}).items()} == {
        "nvlink.fabric.configuration": "unknown"
    }


def test_fabric_of_which_nobody_knows_the_health_is_unknown():
    found = seen("gb200_tray", fabric("gb200_tray", "healthMask=0x1aa healthSummary=1", "healthMask=0 healthSummary=0"))
    assert {status for status, unused in found.values()} == {"unknown"}
    assert set(found) == {f"nvlink.fabric.{name}" for name in ("bandwidth", "configuration", "health", "routes")}


@pytest.mark.parametrize("klass", ["hgx_h100", "gb200_tray"])
def test_driver_of_an_older_branch(klass):
    older = nvml(**dict.fromkeys(
        ("RepairStatus", "FieldValues(230)", "UnrepairableMemoryFlag_v1", "InforomConfigurationChecksum",
         "SramEccErrorStatus", "ApplicationsClock(1)", "DefaultApplicationsClock(1)"), "!13"))  # fmt: skip
    assert seen(klass, older) == {}


@pytest.mark.parametrize("call", ["RepairStatus", "FieldValues(230)", "SramEccErrorStatus", "ApplicationsClock(1)"])
@pytest.mark.parametrize("refusal", ["!999", "!4"])
def test_read_that_failed_is_unknown(call, refusal):
    assert {status for status, unused in seen("hgx_h100", nvml(**{call: refusal})).values()} == {"unknown"}


@pytest.mark.parametrize("klass", ["hgx_h100", "gb200_tray"])
def test_gpus_under_load(klass):
    board = base(klass).recording.document["nvml"]
    top = board["gpu.*.nvmlDeviceGetMaxClockInfo(1)"]
    clocks = {"CurrentClocksEventReasons": "0x0", "ClockInfo(0)": top, "ClockInfo(1)": top}
    work = {"UtilizationRates": "gpu=100 memory=60", "ComputeRunningProcesses_v3": "4711/80000000000"}
    busy = nvml(**clocks, **work)
    assert set(seen(klass, busy)) <= {"gpu.processes.none"}
    capped = {**busy, **nvml(**{"CurrentClocksEventReasons": "0x4", "ClockInfo(1)": 1200, "ClockInfo(0)": 1200})}
    assert set(seen(klass, capped)) <= {"gpu.processes.none"}  # the power limit is what it should be
