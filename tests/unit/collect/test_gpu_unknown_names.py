"""A name or number that no table knows stands in the facts, and no check passes on it."""

from __future__ import annotations

import json

import pytest

from ansible_collections.muster.fleet.plugins.module_utils.collect import gpu
from ansible_collections.muster.fleet.plugins.module_utils.judge.engine import Ground, judge_check
from ansible_collections.muster.fleet.plugins.module_utils.judge.paths import items, look
from ansible_collections.muster.fleet.plugins.module_utils.parse import nvidia_smi_more
from ansible_collections.muster.fleet.plugins.module_utils.replay import Replay
from ansible_collections.muster.fleet.plugins.plugin_utils import catalogue

CHECKS = {check["id"]: check for check in catalogue.checks()}
PCI = "/sys/bus/pci/devices/0000:1b:00.0/"
NVIDIA = {f"{PCI}vendor": "0x10de", f"{PCI}device": "0x2330", f"{PCI}class": "0x030200", "/proc/uptime": "864000.0 1.0"}
FABRIC = "state=3 status=0 cliqueId=2 clusterUuid=0123456789abcdef0123456789abcdef healthMask=0x1aa healthSummary=1"
NVML = {
    "nvmlDeviceGetCount": "1",
    "nvmlSystemGetConfComputeState": "environment=0 ccFeature=0 devToolsMode=0",
    "gpu.0.nvmlDeviceGetPciInfo": "busId=00000000:1B:00.0",
    "gpu.0.nvmlDeviceGetGpuFabricInfoV": FABRIC,
    "gpu.0.nvmlDeviceGetCurrentClocksEventReasons": "0",
    "gpu.0.nvmlDeviceGetPerformanceState": "0",
    "gpu.0.nvmlDeviceGetComputeMode": "0",
    "gpu.0.nvmlDeviceGetAddressingMode": "2",
    "gpu.0.nvmlDeviceGetFieldValues(230)": "0",
    **{f"gpu.0.nvmlDeviceGetNvLinkState({link})": "1" for link in range(2)},
    **{f"gpu.0.nvmlDeviceGetNvLinkRemoteDeviceType({link})": "2" for link in range(2)},
}


def collected(files, nvml=None, commands=None):
    document = {"muster_recording": 1, "closed": True, "identity": {"now": 0, "uid": 0}, "files": files,
                "nvml": nvml or {}, "commands": commands or {}}  # fmt: skip
    return {"gpu": gpu.collect(Replay([document]), {})}


def statuses(check, facts, profile):
    return {row["status"] for row in judge_check(CHECKS[check], Ground(facts, profile, "2026-11-18T06:00:00Z"))}


def kept(facts, path):
    return [item.value for item in items(facts, f"gpu.devices[*].{path}")] if path[:3] != "gpu" else [look(facts, path)]


ENUMS = [  # call, answer, fact, what it must be, check
    ("GpuFabricInfoV", FABRIC.replace("state=3", "state=9"), "fabric.state", "9", "nvlink.fabric.state"),
    ("GpuFabricInfoV", FABRIC.replace("status=0", "status=23"), "fabric.status", "NVML_ERROR_INSUFFICIENT_RESOURCES",
     "nvlink.fabric.status"),
    ("GpuFabricInfoV", FABRIC.replace("status=0", "status=77"), "fabric.status", "NVML_ERROR_77",
     "nvlink.fabric.status"),
    ("GpuFabricInfoV", FABRIC.replace("Summary=1", "Summary=7"), "fabric.health", "7", "nvlink.fabric.health"),
    ("GpuFabricInfoV", FABRIC.replace("0x1aa", "0xcaa"), "fabric.incorrect_configuration", "12",
     "nvlink.fabric.configuration"),
    ("GpuFabricInfoV", FABRIC.replace("0x1aa", "0x1ab"), "fabric.degraded_bandwidth", "3", "nvlink.fabric.bandwidth"),
    ("GpuFabricInfoV", FABRIC.replace("0x1aa", "0x1ba"), "fabric.route_unhealthy", "3", "nvlink.fabric.routes"),
    ("ComputeMode", "9", "compute_mode", "9", "gpu.compute_mode"),
    ("AddressingMode", "9", "addressing_mode", "9", "gpu.addressing_mode"),
    ("FieldValues(230)", "99", "recovery_action", "99", "gpu.recovery_action"),
    ("PerformanceState", "32", "performance_state", "P32", "gpu.clocks.performance_state"),
    ("CurrentClocksEventReasons", "0x1000", "clock_reasons.unexplained", ["bit_0x1000"], "gpu.clocks.unexplained"),
    ("PlatformInfo", "peerType=9", "platform.peer_type", "9", None),
]  # fmt: skip


@pytest.mark.parametrize(("call", "answer", "path", "value", "check"), ENUMS, ids=[case[2] for case in ENUMS])
def test_number_of_nvml(call, answer, path, value, check):
    profile = catalogue.profile("gb200_tray")
    if check:
        assert statuses(check, collected(NVIDIA, NVML), profile) == {"pass"}
    facts = collected(NVIDIA, {**NVML, f"gpu.0.nvmlDeviceGet{call}": answer})
    assert kept(facts, path) == [value]
    if check:
        assert not statuses(check, facts, profile) & {"pass", "not_applicable"}


@pytest.mark.parametrize(
    ("call", "field", "value", "check"),
    [
        ("NvLinkState(1)", "active", "7", "nvlink.link.active"),
        ("NvLinkRemoteDeviceType(1)", "remote", "9", "nvlink.link.remote"),
        ("NvLinkVersion(1)", "version", "9", None),
    ],
)
def test_number_of_an_nvlink(call, field, value, check):
    facts = collected(NVIDIA, {**NVML, f"gpu.0.nvmlDeviceGet{call}": value})
    assert facts["gpu"]["devices"][0]["links"][1][field] == value
    if check:
        assert statuses(check, facts, catalogue.profile("gb200_tray")) - {"pass"}  # the other link passes


def test_mode_of_confidential_computing():
    facts = collected(NVIDIA, {**NVML, "nvmlSystemGetConfComputeState": "environment=9 ccFeature=0 devToolsMode=0"})
    assert facts["gpu"]["driver"]["confidential_compute"]["environment"] == "9"


# --- nvidia-smi -------------------------------------------------------------------------------------------------

WORDS = [  # element, fact, check
    ("ecc_mode/current_ecc", "ecc.enabled", "gpu.ecc.enabled"),
    ("remapped_rows/remapped_row_failure", "remap.failed", "gpu.remap.failed"),
    ("remapped_rows/remapped_row_pending", "remap.pending", "gpu.remap.pending"),
    ("persistence_mode", "persistence", "gpu.persistence"),
    ("mig_mode/current_mig", "mig.enabled", "gpu.mig.mode"),
    ("ecc_errors/unrepairable_memory", "unrepairable_memory", "gpu.memory.unrepairable"),
    ("compute_mode", "compute_mode", "gpu.compute_mode"),
    ("gpu_recovery_action", "recovery_action", "gpu.recovery_action"),
    ("addressing_mode", "addressing_mode", "gpu.addressing_mode"),
    ("fabric/state", "fabric.state", "nvlink.fabric.state"),
    ("fabric/status", "fabric.status", "nvlink.fabric.status"),
    ("fabric/health/summary", "fabric.health", "nvlink.fabric.health"),
    ("fabric/health/bandwidth", "fabric.degraded_bandwidth", "nvlink.fabric.bandwidth"),
    ("fabric/health/route_unhealthy", "fabric.route_unhealthy", "nvlink.fabric.routes"),
    ("fabric/health/incorrect_configuration", "fabric.incorrect_configuration", "nvlink.fabric.configuration"),
    ("platformInfo/peer_type", "platform.peer_type", None),
]


def by_tool(inside, status="", stderr=""):
    document = (
        "<nvidia_smi_log><attached_gpus>1</attached_gpus>"
        f"<gpu id='00000000:1B:00.0'><uuid>GPU-1</uuid>{inside}</gpu></nvidia_smi_log>"
    )
    commands = {
        "nvidia-smi -q -x": {"rc": 0, "stdout": document, "stderr": stderr},
        "nvidia-smi nvlink --status": {"rc": 0, "stdout": status},
    }
    return collected(NVIDIA, {"pynvml": "absent"}, commands)


def element(path, text):
    for name in reversed(path.split("/")):
        text = f"<{name}>{text}</{name}>"
    return text


@pytest.mark.parametrize(("path", "fact", "check"), WORDS, ids=[case[1] for case in WORDS])
def test_word_of_the_tool(path, fact, check):
    facts = by_tool(element(path, "Moonlit"))
    assert [str(value).lower() for value in kept(facts, fact)] == ["moonlit"]
    if check:
        assert not statuses(check, facts, catalogue.profile("gb200_tray")) & {"pass", "not_applicable"}


def test_state_of_a_link_in_other_words():
    lines = "GPU 0: X (UUID: GPU-1)\n\t Link 0: 26.562 GB/s\n\t Link 1: <moonlit>\n\t Link 2: <inactive>\n"
    links = by_tool("", lines)["gpu"]["devices"][0]
    assert [link["active"] for link in links["links"]] == [True, "<moonlit>"]
    assert links["unwired_links"] == [2]


def test_section_that_nothing_reads_is_shown():
    known = by_tool("<serial>1</serial>")["gpu"]["errors"]
    assert [entry["source"] for entry in known] == ["nvml"]
    errors = by_tool("<moonlight><level>Full</level></moonlight>")["gpu"]["errors"]
    assert errors[-1] == {
        "source": "nvidia-smi -q -x", "reason": "sections that nothing here reads: moonlight"
    }  # fmt: skip


def test_process_of_an_unknown_type_is_one():
    entry = "<process_info><pid>7</pid><type>{}</type></process_info>"
    inside = "<processes>" + entry.format("Q") + entry.format("G") + "</processes>"
    assert [each["pid"] for each in by_tool(inside)["gpu"]["devices"][0]["processes"]] == [7]


def test_warning_beside_the_document_marks_its_gpu():
    facts = by_tool("", stderr="WARNING: infoROM is corrupted at gpu 0000:1B:00.0\n")
    assert facts["gpu"]["devices"][0]["inforom_corrupted"] is True
    assert statuses("gpu.inforom.corrupted", facts, catalogue.profile("hgx_h100")) == {"fail"}
    assert statuses("gpu.inforom.corrupted", by_tool(""), catalogue.profile("hgx_h100")) == {"not_applicable"}


@pytest.mark.parametrize("word", sorted(nvidia_smi_more.NOT_HAD))
@pytest.mark.parametrize("part", ["bandwidth", "route_unhealthy", "incorrect_configuration"])
def test_part_of_the_health_that_is_not_watched(part, word):
    check = {"bandwidth": "bandwidth", "route_unhealthy": "routes", "incorrect_configuration": "configuration"}[part]
    summary = "<summary>Healthy</summary>"
    profile = catalogue.profile("gb200_tray")
    inside = f"<fabric><health>{{}}<{part}>{word}</{part}></health></fabric>"
    assert statuses(f"nvlink.fabric.{check}", by_tool(inside.format(summary)), profile) == {"not_applicable"}
    assert statuses(f"nvlink.fabric.{check}", by_tool(inside.format("")), profile) == {"unknown"}  # nobody watches
    failed = by_tool(inside.format(summary).replace(word, "Unknown Error"))
    assert statuses(f"nvlink.fabric.{check}", failed, profile) == {"unknown"}


# --- AMD --------------------------------------------------------------------------------------------------------

AMD_PCI = "/sys/bus/pci/devices/0000:05:00.0/"
AMD = {f"{AMD_PCI}vendor": "0x1002", f"{AMD_PCI}device": "0x74a1", f"{AMD_PCI}class": "0x120000",
       "/sys/module/amdgpu/initstate": "live\n"}  # fmt: skip


def by_amd_smi(**said):
    body = {"list": {"bdf": "0000:05:00.0"}, "static": {"bus": {"bdf": "0000:05:00.0"}}, "metric": {}, **said}
    names = {"xgmi_l": "xgmi -l", "bad_pages": "bad-pages"}
    commands = {
        f"amd-smi {names.get(name, name)} --json": {
            "rc": 0, "stdout": json.dumps({"link_status" if name == "xgmi_l" else "gpu_data": [{"gpu": 0, **entry}]}),
        }
        for name, entry in body.items()
    }  # fmt: skip
    return collected(AMD, commands=commands)


def test_words_of_amd_smi():
    profile = catalogue.profile("mi300x")
    facts = by_amd_smi(
        static={"bus": {"bdf": "0000:05:00.0"}, "ras": {"ecc_block_state": {"UMC": "MOONLIT"}}},
        metric={"clock": {"gfx_0": {"clk": 132, "clk_locked": "MOONLIT"}}},
        process={"process_list": [{"process_info": "Something computes"}]},
        xgmi_l={"link_status": ["U", "M", "X", "SELF"]},
    )
    (device,) = facts["gpu"]["devices"]
    assert (device["ecc"]["enabled"], device["clocks"]["locked"], device["processes"]) == ("MOONLIT", None, None)
    assert [link["active"] for link in device["links"]] == [True, "M"]
    for check in ("gpu.ecc.enabled", "amd.clocks.locked", "gpu.memory.idle"):
        assert not statuses(check, facts, profile) & {"pass", "not_applicable"}, check
    assert statuses("xgmi.link.active", facts, profile) == {"pass", "unknown"}


@pytest.mark.parametrize("words", [["ENABLED", "DISABLED"], ["N/A", "DISABLED"], ["DISABLED", "DISABLED"]])
def test_lock_of_any_engine(words):
    gfx = {f"gfx_{number}": {"clk": 132, "clk_locked": word} for number, word in enumerate(words)}
    locked = by_amd_smi(metric={"clock": gfx})["gpu"]["devices"][0]["clocks"]["locked"]
    assert locked is {"ENABLED": True, "N/A": None, "DISABLED": False}[words[0]]


def test_engine_that_a_partition_does_not_have_is_left_out():
    gfx = {"gfx_0": {"clk": 132, "clk_locked": "DISABLED", "max_clk": 2100}, "gfx_1": "N/A",
           "gfx_2": {"clk": "N/A", "clk_locked": "N/A", "max_clk": "N/A"}}  # fmt: skip
    clocks = by_amd_smi(metric={"clock": gfx})["gpu"]["devices"][0]["clocks"]
    assert (clocks["locked"], clocks["sm_max_mhz"]) == (False, 2100)
