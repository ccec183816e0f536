"""Whatever a tool or a broken device says, its parser answers: a machine must not be able to stop its own check."""

from __future__ import annotations

import json

from hypothesis import given, settings
from hypothesis import strategies as st

from ansible_collections.muster.fleet.plugins.module_utils.parse import amd_smi, hl_smi, kfd, pci

NAMES = st.sampled_from(
    [
        "gpu",
        "bus",
        "bdf",
        "ecc",
        "ecc_blocks",
        "UMC",
        "value",
        "unit",
        "fw_list",
        "process_list",
        "process_info",
        "throttle",
    ]
    + ["link_status", "retired", "pending", "vram", "size", "limit", "ppt0", "partition", "gpu_data", "temperature"]
)
LEAVES = st.one_of(
    st.none(), st.booleans(), st.integers(), st.floats(), st.text(max_size=20), st.sampled_from(["N/A", "U"])
)
DOCUMENTS = st.recursive(
    LEAVES,
    lambda inner: st.one_of(st.lists(inner, max_size=4), st.dictionaries(NAMES, inner, max_size=6)),
    max_leaves=30,
)
OFTEN = settings(max_examples=60, deadline=None)


@OFTEN
@given(st.dictionaries(NAMES, DOCUMENTS, max_size=10))
def test_amd_smi_entry(entry):
    for table in (amd_smi.STATIC, amd_smi.METRIC):
        amd_smi.fields(entry, table)
    for parser in (amd_smi.ras_blocks, amd_smi.throttle, amd_smi.bad_pages, amd_smi.processes, amd_smi.firmware):
        parser(entry)
    amd_smi.link_states(entry)


@OFTEN
@given(st.one_of(st.text(), DOCUMENTS.map(json.dumps)))
def test_amd_smi_text(text):
    for entry in amd_smi.gpus(text) or []:
        assert isinstance(entry["gpu"], int)


@OFTEN
@given(st.text(), st.text())
def test_hl_smi_text(above, below):
    for row in hl_smi.table(f"{above}bus_id, name\n{below}"):
        assert set(row) <= {"bus_id", "name"} or above
    hl_smi.ports(below)
    hl_smi.release(below)
    hl_smi.number(below)


@OFTEN
@given(st.text())
def test_kfd_text(text):
    assert all(isinstance(value, int) for value in kfd.properties(text).values())
    kfd.address(kfd.properties(text))
    kfd.error_counts(text)
    kfd.bad_pages(text)


@OFTEN
@given(st.binary(max_size=600))
def test_config_space(data):
    facts = pci.config_space(data)
    assert facts["lost"] in (None, False) or data[:4] == b"\xff" * 4


@OFTEN
@given(st.text())
def test_pci_text(text):
    for parser in (pci.link_speed, pci.link_width, pci.aer_total, pci.bar_sizes):
        parser(text)
