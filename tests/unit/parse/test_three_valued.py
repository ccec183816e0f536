"""Causes that are yes, no or unknown: no combination of them turns an unknown into a no."""

from __future__ import annotations

import itertools
import json

import pytest

from ansible_collections.muster.fleet.plugins.module_utils.nvml_replay import replay
from ansible_collections.muster.fleet.plugins.module_utils.parse import (
    amd_smi,
    amd_throttle,
    clock_reasons,
    nvidia_smi,
    nvml,
)
from ansible_collections.muster.fleet.plugins.module_utils.parse.three_valued import all_of, any_of

VALUES = (True, False, None)
WORDS = {True: "Active", False: "Not Active", None: "N/A"}
AMD_BASE = (*amd_throttle.POWER_BRAKE, *amd_throttle.THERMAL, *amd_throttle.POWER)


def wanted_any(values):
    """Say in other words than the code what "any" is."""
    return True if True in values else None if None in values or not values else False


@pytest.mark.parametrize("count", range(6))
def test_every_combination(count):
    for values in itertools.product(VALUES, repeat=count):
        assert any_of(values) is wanted_any(values), values
        turned = any_of([None if value is None else not value for value in values])
        assert all_of(values) is (None if turned is None else not turned), values


@pytest.mark.parametrize("odd", ["Active", 1, 0, "", "no", []])
def test_anything_else_is_unknown(odd):
    assert (any_of([False, odd]), all_of([True, odd])) == (None, None)


# --- nvidia-smi -------------------------------------------------------------------------------------------------


def by_tool(said, spelling="event"):
    section = "".join(
        f"<clocks_{spelling}_reason_{name}>{word}</clocks_{spelling}_reason_{name}>" for name, word in said.items()
    )
    gpu = f"<gpu id='00000000:1B:00.0'><clocks_{spelling}_reasons>{section}</clocks_{spelling}_reasons></gpu>"
    document = f"<nvidia_smi_log><attached_gpus>1</attached_gpus>{gpu}</nvidia_smi_log>"
    return nvidia_smi.facts(document)["devices"][0]


FLAGS = {  # flag: cause
    "hw_slowdown": "hw_slowdown",
    "hw_thermal": "hw_thermal_slowdown",
    "hw_power_brake": "hw_power_brake_slowdown",
    "sw_thermal": "sw_thermal_slowdown",
    "sw_power_cap": "sw_power_cap",
}


@pytest.mark.parametrize("spelling", ["event", "throttle"])
def test_every_flag_of_nvidia_is_its_own_cause(spelling):
    causes = [*FLAGS.values(), "gpu_idle"]
    for values in itertools.product(VALUES, repeat=len(causes)):
        said = dict(zip(causes, values, strict=True))
        gpu = by_tool({name: WORDS[value] for name, value in said.items()}, spelling)
        assert {flag: gpu["throttle"][flag] for flag in FLAGS} == {flag: said[name] for flag, name in FLAGS.items()}
        assert gpu["clock_reasons"]["explained"] is wanted_any(values)
        assert gpu["clock_reasons"]["idle"] is said["gpu_idle"]
        unanswered = sorted(name for name, value in said.items() if value is None)
        assert gpu["clock_reasons"]["unanswered"] == unanswered


def test_both_spellings_complete_each_other():
    document = (
        "<nvidia_smi_log><attached_gpus>1</attached_gpus><gpu id='00000000:1B:00.0'>"
        "<clocks_event_reasons><clocks_event_reason_hw_slowdown>N/A</clocks_event_reason_hw_slowdown>"
        "<clocks_event_reason_sync_boost>Not Active</clocks_event_reason_sync_boost></clocks_event_reasons>"
        "<clocks_throttle_reasons><clocks_throttle_reason_hw_slowdown>Active</clocks_throttle_reason_hw_slowdown>"
        "<clocks_throttle_reason_sync_boost>Active</clocks_throttle_reason_sync_boost></clocks_throttle_reasons>"
        "</gpu></nvidia_smi_log>"
    )
    gpu = nvidia_smi.facts(document)["devices"][0]
    assert (gpu["throttle"]["hw_slowdown"], gpu["clock_reasons"]["sync_boost"]) == (True, False)


@pytest.mark.parametrize("word", ["Active", "Perhaps", "Unknown Cause 7"])
def test_cause_or_word_that_no_table_knows_is_kept(word):
    said = {**dict.fromkeys(FLAGS.values(), "Not Active"), "moonlight": word}
    found = by_tool(said)["clock_reasons"]["unexplained"]
    assert found == ["moonlight" if word == "Active" else f"moonlight: {word}"]
    assert by_tool({**said, "moonlight": "Not Active"})["clock_reasons"]["unexplained"] == []


# --- NVML -------------------------------------------------------------------------------------------------------


def by_mask(mask):
    settings = {"nvmlDeviceGetCount": "1", "gpu.0.nvmlDeviceGetCurrentClocksEventReasons": hex(mask)}
    return nvml.facts(replay(settings).transcript)["devices"][0]


@pytest.mark.parametrize("place", range(64))
def test_no_bit_of_a_mask_is_dropped(place):
    gpu = by_mask(1 << place)
    (name,) = gpu["throttle"]["reasons"]
    known = name in clock_reasons.BITS.values()
    assert known == (place < 9)
    assert gpu["clock_reasons"]["unexplained"] == ([] if known else [name])
    assert known or name in ("board_limit", "reliability") or name == f"bit_{1 << place:#x}"


def test_every_known_bit_is_a_cause_of_the_tool():
    for mask in range(512):
        names = [name for bit, name in clock_reasons.BITS.items() if mask & bit]
        said = {name: WORDS[name in names] for name in clock_reasons.BITS.values()}
        first, second = by_mask(mask), by_tool(said)
        assert (first["throttle"], first["clock_reasons"]) == (second["throttle"], second["clock_reasons"])


def test_mask_that_was_not_answered_says_nothing():
    gpu = nvml.facts(replay({"nvmlDeviceGetCount": "1"}).transcript)["devices"][0]
    assert set(gpu["throttle"].values()) == {None}
    assert gpu["clock_reasons"]["explained"] is None


# --- amd-smi ----------------------------------------------------------------------------------------------------


def by_amd(said, engines=None):
    section = {f"{name}_violation_status": value for name, value in said.items()}
    entry = json.loads(json.dumps({"gpu": 0, "throttle": {"accumulation_counter": 5, **section}}))
    return amd_smi.throttle(entry, engines), amd_smi.clock_reasons(entry, engines)


@pytest.mark.parametrize("words", [{True: "ACTIVE", False: "NOT ACTIVE"}, {True: "Active", False: "INACTIVE"}])
def test_every_flag_of_amd_over_its_causes(words):
    for values in itertools.product(VALUES, repeat=len(AMD_BASE)):
        said = dict(zip(AMD_BASE, values, strict=True))
        throttle, reasons = by_amd({name: words.get(value, "N/A") for name, value in said.items()})
        thermal = wanted_any([said[name] for name in amd_throttle.THERMAL])
        assert throttle["hw_thermal"] is thermal
        assert throttle["hw_power_brake"] is said["prochot"]
        assert throttle["sw_power_cap"] is said["ppt"]
        assert throttle["hw_slowdown"] is wanted_any([said["prochot"], thermal])
        active = sorted(name for name, value in said.items() if value)
        assert throttle["reasons"] == (active if set(values) != {None} else None)
        assert reasons["unanswered"] == sorted(name for name, value in said.items() if value is None)


CALM = dict.fromkeys(AMD_BASE, "NOT ACTIVE")
THERMAL = "gfx_clk_below_host_limit_thermal"


def test_every_engine_of_every_partition_counts():
    for words in itertools.product(("ACTIVE", "NOT ACTIVE", "N/A"), repeat=4):
        lists = {"xcp_0": list(words[:2]), "xcp_1": list(words[2:])}
        throttle, unused = by_amd({**CALM, THERMAL: lists}, engines=4)
        values = [{"ACTIVE": True, "NOT ACTIVE": False}.get(word) for word in words]
        older = set(words) == {"N/A"}  # firmware that does not have this cause says nothing of any engine
        assert throttle["hw_thermal"] is (False if older else wanted_any(values)), words


def test_places_that_a_partition_does_not_have_are_no_silence():
    half = ["NOT ACTIVE"] * 4 + ["N/A"] * 4
    assert by_amd({**CALM, THERMAL: {"xcp_0": half, "xcp_1": half}}, engines=8)[0]["hw_thermal"] is False
    assert by_amd({**CALM, THERMAL: {"xcp_0": half, "xcp_1": half}}, engines=9)[0]["hw_thermal"] is None
    assert by_amd({**CALM, THERMAL: {"xcp_0": half, "xcp_1": half}})[0]["hw_thermal"] is None


def test_partition_sections_that_hold_their_own_causes():
    entry = {"throttle": {**{f"{name}_violation_status": "NOT ACTIVE" for name in AMD_BASE},
                          "xcp_0": {f"{THERMAL}_violation_status": ["INACTIVE"]},
                          "xcp_1": {f"{THERMAL}_violation_status": ["ACTIVE"]}}}  # fmt: skip
    assert amd_smi.throttle(entry)["hw_thermal"] is True


@pytest.mark.parametrize("value", ["ACTIVE", ["NOT ACTIVE", "ACTIVE"], {"xcp_3": ["ACTIVE"]}, True, "PERHAPS"])
def test_cause_of_amd_that_no_table_knows_is_kept(value):
    unused, reasons = by_amd({**CALM, "moonlight": value}, engines=2)
    assert reasons["unexplained"] == ["moonlight: PERHAPS" if value == "PERHAPS" else "moonlight"]


def test_low_clock_of_an_idle_card_is_explained_and_that_of_a_busy_one_is_not():
    low = {**CALM, "total_gfx_clk_below_host_limit": {"xcp_0": ["ACTIVE"]}}
    assert by_amd({**low, "low_utilization": {"xcp_0": ["ACTIVE"]}}, 1)[1]["unexplained"] == []
    busy = by_amd({**low, "low_utilization": {"xcp_0": ["NOT ACTIVE"]}}, 1)[1]
    assert busy["unexplained"] == ["total_gfx_clk_below_host_limit"]
