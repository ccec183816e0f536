from __future__ import annotations

import json

import pytest

from ansible_collections.muster.fleet.plugins.module_utils.collect import gpu_amd
from ansible_collections.muster.fleet.plugins.module_utils.host import Asked
from ansible_collections.muster.fleet.plugins.module_utils.replay import Replay

MODULE = {"/sys/module/amdgpu/initstate": "live\n", "/sys/module/amdgpu/version": "6.14.14\n"}
REAL = "/sys/devices/pci0000:02/0000:05:00.0"
CARD = {
    f"{REAL}/vendor": "0x1002\n",
    f"{REAL}/unique_id": "9b4af4ee0b747ee8\n",
    f"{REAL}/mem_info_vram_total": "206141652992\n",
    f"{REAL}/current_compute_partition": "SPX\n",
    f"{REAL}/current_link_width": "16\n",
    f"{REAL}/current_link_speed": "32.0 GT/s PCIe\n",
    f"{REAL}/ras/umc_err_count": "ue: 1\nce: 2\n",
    f"{REAL}/ras/gfx_err_count": "ue: 0\nce: 0\n",
    f"{REAL}/hwmon/hwmon4/temp1_label": "edge\n",
    f"{REAL}/hwmon/hwmon4/temp1_input": "30000\n",
    f"{REAL}/hwmon/hwmon4/temp2_label": "junction\n",
    f"{REAL}/hwmon/hwmon4/temp2_input": "38000\n",
    f"{REAL}/hwmon/hwmon4/power1_average": "138000000\n",
}
LINKS = {"/sys/class/drm/card1": f"{REAL}/drm/card1", f"{REAL}/drm/card1/device": REAL}


def static(number=0, bdf="0000:05:00.0", **more):
    return {"gpu": number, "bus": {"bdf": bdf}, "asic": {"market_name": "AMD Instinct MI300X"}, **more}


def metric(number=0, **more):
    return {"gpu": number, "temperature": {"hotspot": {"value": 41, "unit": "C"}}, **more}


def answers(**said):
    """Commands by subcommand; what is not stated is an answer about one healthy GPU."""
    healthy = {
        "version": [{"amdsmi_library_version": "26.0.2", "rocm_version": "7.0.2"}],
        "list": [{"gpu": 0, "bdf": "0000:05:00.0", "uuid": "9bff"}],
        "static": {"gpu_data": [static()]},
        "metric": {"gpu_data": [metric()]},
        "firmware": {"gpu_data": [{"gpu": 0, "fw_list": [{"fw_id": "PM", "fw_version": "85.122.0"}]}]},
        "bad-pages": {"gpu_data": [{"gpu": 0, "retired": "No bad pages found.", "pending": "N/A", "un_res": "N/A"}]},
        "process": [{"gpu": 0, "process_list": [{"process_info": "No running processes detected"}]}],
        "xgmi -m": {"xgmi_metric": [{"gpu": 0, "link_metrics": {"bit_rate": {"value": 32, "unit": "Gb/s"}}}]},
        "xgmi -l": {"link_status": [{"gpu": 0, "link_status": ["U", "D", "X"]}]},
    }
    commands = {f"amd-smi {name} --json": {"rc": 0, "stdout": json.dumps(body)} for name, body in healthy.items()}
    for name, answer in said.items():
        key = {"bad_pages": "bad-pages", "xgmi_m": "xgmi -m", "xgmi_l": "xgmi -l"}.get(name, name)
        commands[f"amd-smi {key} --json"] = answer if isinstance(answer, dict) else {"rc": 0, "stdout": answer}
    return commands


def collect(files=MODULE, links=None, commands=None):
    document = {"muster_recording": 1, "closed": True, "files": files, "links": links or {}, "commands": commands or {}}
    asked = Asked(Replay([document]))
    return gpu_amd.collect(asked, {}), asked.errors


def everything(**said):
    return collect({**MODULE, **CARD}, LINKS, answers(**said))


def test_healthy():
    facts, errors = everything()
    assert (facts["state"], facts["state_detail"], facts["driver_count"], errors) == ("ok", None, 1, [])
    assert facts["driver"]["rocm_version"] == "7.0.2"
    (device,) = facts["devices"]
    assert (device["label"], device["source"]) == ("GPU 0 (0000:05:00.0)", "amd-smi and sysfs")
    assert (device["temperature_c"], device["pcie"]["width"], device["pcie"]["generation"]) == (41, 16, 5)
    assert device["processes"] == []
    assert [(link["label"], link["active"], link["speed_mbps"]) for link in device["links"]] == [
        ("xGMI link 0", True, 32000),
        ("xGMI link 1", False, 32000),
    ]


def test_driver_not_loaded_asks_no_tool():
    facts, errors = collect({}, commands=answers())
    assert (facts["state"], facts["driver_count"], facts["devices"], errors) == ("driver_not_loaded", 0, [], [])
    assert facts["driver"]["kernel_module_state"] == "not_loaded"


def test_no_tool_leaves_what_the_kernel_shows():
    facts, errors = collect({**MODULE, **CARD}, LINKS)
    assert (facts["state"], facts["source"], facts["driver_count"]) == ("no_tool", "sysfs", 1)
    assert errors == [{"source": "amd-smi", "reason": "absent: amd-smi: not found"}]
    (device,) = facts["devices"]
    assert (device["source"], device["temperature_c"], device["power_w"]) == ("sysfs", 38.0, 138.0)
    assert (device["ecc"]["volatile"]["uncorrected"], device["ras"]["blocks"]["umc"]["corrected"]) == (1, 2)
    assert device["ras"]["deferred"] is None
    assert device["links"] is None
    assert device["processes"] is None


@pytest.mark.parametrize(
    ("answer", "state"),
    [
        ({"state": "timeout", "duration_s": 60}, "timeout"),
        ({"rc": 255, "stdout": "", "stderr": "ERROR: no GPU"}, "failed"),
        ("", "failed"),
        ("garbage", "failed"),
        ('[{"gpu": 0, "bus": {"bd', "failed"),
        ({"rc": 0, "stdout": {"b64": "//4AAf8="}}, "failed"),
        ("[]", "failed"),
        ('{"gpu_data": "N/A"}', "failed"),
        ("[" * 50000, "failed"),
        ("x" * (5 << 20), "failed"),
    ],
)
@pytest.mark.parametrize("which", ["static", "metric"])
def test_essential_question_unanswered(which, answer, state):
    facts, errors = everything(**{which: answer})
    assert facts["state"] == state
    assert facts["state_detail"].startswith(f"amd-smi {which} --json: ")
    assert errors
    assert [device["pci_address"] for device in facts["devices"]] == ["0000:05:00.0"]


def test_other_question_unanswered():
    facts, errors = everything(xgmi_l={"state": "timeout"})
    assert facts["state"] == "partial"
    assert facts["devices"][0]["links"] is None
    assert errors[0]["source"] == "amd-smi xgmi -l --json"


def test_hostile_text_is_kept_as_text():
    nasty = "{{ lookup('pipe', 'id') }}<script>"
    facts, unused = everything(static=json.dumps([static(asic={"market_name": nasty + "x" * 9000})]))
    assert facts["devices"][0]["model"].startswith(nasty)
    assert len(facts["devices"][0]["model"]) == 200


def test_partitions_are_one_card():
    parts = [static(number, f"0000:05:00.{number}", partition={"compute_partition": "CPX"}) for number in range(8)]
    metrics = [metric(0)] + [{"gpu": number, "temperature": "N/A"} for number in range(1, 8)]
    nodes = {
        f"/sys/class/kfd/kfd/topology/nodes/{number}/properties": f"simd_count 152\nlocation_id {0x500 + number}\n"
        for number in range(2, 10)
    }
    listed = json.dumps([{"gpu": number, "bdf": f"0000:05:00.{number}"} for number in range(8)])
    facts, unused = collect(
        {**MODULE, **CARD, **nodes},
        LINKS,
        answers(static=json.dumps(parts), metric=json.dumps(metrics), list=listed),
    )
    (device,) = facts["devices"]
    assert (facts["driver_count"], facts["topology"]["kfd_gpu_nodes"]) == (1, 8)
    assert (device["partition"]["compute"], device["partition"]["count"], device["temperature_c"]) == ("CPX", 8, 41)


def test_card_that_only_the_tool_knows():
    facts, unused = collect(MODULE, {}, answers())
    assert [device["source"] for device in facts["devices"]] == ["amd-smi"]


def test_other_vendors_screens_are_no_cards():
    files = {**MODULE, **CARD, f"{REAL}/vendor": "0x1a03\n"}
    assert collect(files, LINKS)[0]["devices"] == []
