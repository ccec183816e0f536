# Copyright (c) 2026 the muster.fleet authors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""A real H100, asked through NVML and, right after, through ``nvidia-smi``: both ways must tell the same.

Recorded on one GPU in a virtual machine with driver 580.159.04, identity scrubbed.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from ansible_collections.muster.fleet.plugins.module_utils.collect import gpu
from ansible_collections.muster.fleet.plugins.module_utils.replay import Replay, load

RECORDINGS = Path(__file__).parent / "recordings"
ONLY_NVML = {  # nvidia-smi does not print it, or prints N/A for this board
    *("compute_capability", "thresholds.slowdown_c", "thresholds.shutdown_c", "thresholds.memory_max_c"),
    *("links", "link_count", "fabric.state", "extra.pcie_recoveries"),
}
ONLY_TOOL = {  # what NVML was not yet asked for on that machine
    *("clocks.sm_application_mhz", "clocks.sm_default_mhz", "unrepairable_memory"),
}
MEANWHILE = {  # changes from one second to the next, or with what was asked
    *("power_w", "not_supported"),
}


def flat(value, path=""):
    """Yield every path of nested facts with its value."""
    if isinstance(value, dict):
        for key, inner in value.items():
            yield from flat(inner, f"{path}.{key}" if path else key)
    else:
        yield path, value


def told(name):
    facts = gpu.collect(Replay([load(str(RECORDINGS / f"{name}.json"))]), {"vendor": "any"})
    (device,) = facts["devices"]
    return facts, dict(flat(device))


@pytest.fixture(scope="module")
def nvml():
    return told("h100_nvml")


@pytest.fixture(scope="module")
def tool():
    return told("h100_nvidia_smi")


def test_both_ways_answered(nvml, tool):
    assert (nvml[0]["source"], tool[0]["source"]) == ("nvml", "nvidia-smi")
    for facts, unused in (nvml, tool):
        assert (facts["state"], facts["pci_count"], facts["driver_count"]) == ("ok", 1, 1)
        assert facts["driver"]["version"] == "580.159.04"
    assert tool[0]["errors"] == [{"source": "nvml", "reason": "NO_PYNVML: No module named 'pynvml'"}]


def test_every_field_is_the_same(nvml, tool):
    first, second = nvml[1], tool[1]
    known = {path for path, value in first.items() if value is not None}
    assert {path for path in known if second.get(path) is None} == ONLY_NVML
    unlike = {path: (first[path], second[path]) for path in known - ONLY_NVML if first[path] != second[path]}
    assert set(unlike) <= MEANWHILE, unlike
    assert len(known - ONLY_NVML) > 70


def test_nothing_is_known_to_the_tool_alone(nvml, tool):
    assert {path for path, value in tool[1].items() if value is not None and nvml[1].get(path) is None} == ONLY_TOOL


def test_margins_are_those_of_the_sensor(nvml):
    """In a batch with a count of links that the board lacks, this driver leaves them empty, with success."""
    assert (nvml[1]["extra.slowdown_margin_c"], nvml[1]["extra.shutdown_margin_c"]) == (-2, -8)


def test_board_that_stands_in_no_chassis_has_no_place_in_one(nvml):
    assert {path for path in nvml[1] if path.startswith("platform.") and nvml[1][path] is not None} == set()
