"""Ten faults that other health checkers were measured to let pass are found here, on every class they fit."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))

from detection import FAULTS, NODE, base, inject, layer, red, results

PASSED_ELSEWHERE = {  # what was planted, and as which fault of the simulated rack
    "one of eight GPUs has another VBIOS": "peers_vbios_one_of_eight",
    "remapped rows at the limit on all GPUs": "peers_remapped_rows_all",
    "hardware and thermal slowdown on all GPUs": "peers_slowdown_all",
    "persistence mode cannot be enabled": "peers_persistence_refused",
    "the kernel log is missing": "peers_kernel_log_missing",
    "the management tool ends with an error": "peers_smi_exits_nonzero",
    "the NVLink query fails on all GPUs": "peers_nvlink_query_fails",
    "the health tool is not installed": "peers_health_tool_missing",
    "row remapping failed on all GPUs": "peers_row_remap_failed_all",
    "PCIe width is N/A on all AMD GPUs": "peers_amd_width_unknown",
}
CASES = [(name, klass) for name in PASSED_ELSEWHERE.values() for klass in FAULTS[name].classes]


@pytest.mark.parametrize(("name", "klass"), CASES)
def test_fault_is_red_or_unknown(name, klass):
    outcome = inject(klass, name)
    assert (outcome.silent, outcome.loud) == ({}, {})
    found = red(results(klass, layer(NODE[klass], base(klass).recording, FAULTS[name])))
    assert found


def test_the_ten_are_there():
    assert sorted(PASSED_ELSEWHERE.values()) == sorted(name for name in FAULTS if name.startswith("peers_"))
    assert len(PASSED_ELSEWHERE) == 10
