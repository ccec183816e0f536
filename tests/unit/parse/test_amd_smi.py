from __future__ import annotations

import json

import pytest

from ansible_collections.muster.fleet.plugins.module_utils.parse import amd_smi


def test_documents_among_other_text():
    text = (
        "WARNING: not in the render group [see docs]\n"
        + json.dumps([{"gpu": 0}])
        + "\n"
        + json.dumps([{"gpu": 1}], indent=2)
    )
    assert amd_smi.documents(text + "\n\nLegend:\n  * = Current mode") == [[{"gpu": 0}], [{"gpu": 1}]]


@pytest.mark.parametrize(
    "text",
    [
        "",
        "garbage",
        '[{"gpu": 0',
        "{",
        "[" * 100000,
        "[\n" * 50000,
        "\ufffd\ufffd",
        "null",
        "3",
        '{"gpu_data": "N/A"}',
        '[{"gpu": "<script>"}]',
    ],
)
def test_no_gpu_in_nonsense(text):
    assert amd_smi.gpus(text) is None


def test_both_releases_give_the_same():
    entries = [{"gpu": 0}, {"gpu": 1}]
    assert amd_smi.gpus(json.dumps(entries)) == amd_smi.gpus(json.dumps({"gpu_data": entries})) == entries


@pytest.mark.parametrize(
    ("value", "number"),
    [(750, 750), ("750 W", 750), ({"value": 32.5, "unit": "GT/s"}, 32.5), ("-3", -3), ("N/A", None), (None, None)]
    + [
        (True, None),
        ([], None),
        (float("inf"), None),
        (float("nan"), None),
        (10**400, None),
        ({"value": "N/A", "unit": "W"}, None),
        ("{{ 7*7 }}", None),
    ],
)
def test_number(value, number):
    assert amd_smi.number(value) == number


@pytest.mark.parametrize(
    ("value", "size"),
    [({"value": 196592, "unit": "MB"}, 196592 << 20), ("192 GB", 192 << 30), (283, 283 << 20), ("4096 B", 4096)]
    + [({"value": 1, "unit": "parsec"}, None), ("N/A", None), (None, None)],
)
def test_size(value, size):
    assert amd_smi.size(value) == size


@pytest.mark.parametrize(
    ("value", "address"),
    [("0000:C6:00.0", "0000:c6:00.0"), ("0000:c6:00.5", "0000:c6:00.0"), ("c6:00.0", None), (7, None), (None, None)],
)
def test_address_is_that_of_the_card(value, address):
    assert amd_smi.address(value) == address


def test_sections_that_are_not_available():
    entry = {"gpu": 0, "temperature": "N/A", "power": {"socket_power": "N/A"}, "pcie": None}
    assert set(amd_smi.fields(entry, amd_smi.METRIC).values()) == {None}
    assert amd_smi.ras_blocks(entry) is None
    assert set(amd_smi.throttle(entry).values()) == {None}
    assert amd_smi.processes(entry) is None
    assert set(amd_smi.bad_pages({"retired": "N/A"}).values()) == {None}


def test_old_and_new_names_of_a_limit():
    old = {"limit": {"socket_power": {"value": 750, "unit": "W"}}, "partition": {"compute_partition": "SPX"}}
    new = {
        "limit": {"ppt0": {"socket_power_limit": {"value": 750, "unit": "W"}}},
        "partition": {"accelerator_partition": "SPX"},
    }
    for entry in (old, new):
        found = amd_smi.fields(entry, amd_smi.STATIC)
        assert (found["power_limit_w"], found["partition.compute"]) == (750, "SPX")


def test_throttle():
    entry = {"throttle": {"prochot_violation_status": "NOT ACTIVE", "hbm_thermal_violation_status": "ACTIVE"}}
    found = amd_smi.throttle(entry)
    assert found["reasons"] == ["hbm_thermal"]
    assert (found["hw_thermal"], found["hw_slowdown"], found["hw_power_brake"]) == (True, True, False)


@pytest.mark.parametrize(
    ("ecc", "blocks", "found"),
    [
        ({"total_correctable_count": 5, "cache_correctable_count": 1}, {"UMC": {"deferred_count": 2}}, []),
        ({"total_moonlit_count": 1}, {"UMC": {"moonlit_count": 3}, "GFX": {"moonlit_count": 0}},
         ["UMC moonlit_count: 3", "all blocks total_moonlit_count: 1"]),
        ({"cache_uncorrectable_count": {"value": 1, "unit": ""}}, "N/A", ["all blocks cache_uncorrectable_count: 1"]),
        ("N/A", "N/A", None),
        ("N/A", {"UMC": {"moonlit_count": "N/A"}}, []),
    ],
)  # fmt: skip
def test_counts_of_unknown_kinds(ecc, blocks, found):
    assert amd_smi.ras_unexplained({"ecc": ecc, "ecc_blocks": blocks}) == found


def test_bad_pages():
    page = {"page_address": "0x1f4", "page_size": "4096", "status": "PENDING"}
    entry = {"retired": "No bad pages found.", "pending": [page, page], "un_res": "N/A"}
    assert amd_smi.bad_pages(entry) == {"retired": 0, "pending": 2, "unreservable": None}


def test_processes():
    quiet = {"process_list": [{"process_info": "No running processes detected"}]}
    busy = {"name": "python3", "pid": 4242, "memory_usage": {"vram_mem": {"value": 2048, "unit": "B"}}}
    assert amd_smi.processes(quiet) == []
    for listed in ([busy], [{"process_info": busy}]):
        assert amd_smi.processes({"process_list": listed}) == [{"pid": 4242, "name": "python3", "memory_bytes": 2048}]


def test_link_states():
    assert amd_smi.link_states({"link_status": ["U", "D", "X", "SELF", "N/A", 5, "Up"]}) == [
        (0, True),
        (1, False),
        (6, True),
    ]
    assert amd_smi.link_states({"link_status": "N/A"}) == []


def test_recorded_static_of_rocm_6(fixtures):
    found = amd_smi.gpus((fixtures / "amd" / "amd-smi-static-mi300x-x8-list.json").read_text())
    told = [amd_smi.fields(entry, amd_smi.STATIC) for entry in found]
    assert len(told) == 8
    assert {each["model"] for each in told} == {"AMD Instinct MI300X"}
    assert (told[0]["pci_address"], told[1]["pci_address"]) == ("0000:05:00.0", "0000:26:00.0")
    assert {(each["pcie.width_max"], each["pcie.generation_max"], each["memory.total_bytes"]) for each in told} == {
        (16, 5, 196592 << 20)
    }
    assert {(each["partition.compute"], each["partition.memory"], each["thresholds.slowdown_c"]) for each in told} == {
        ("SPX", "NPS1", 100)
    }
