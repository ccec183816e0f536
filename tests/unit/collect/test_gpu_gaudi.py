from __future__ import annotations

import json

import pytest

from ansible_collections.muster.fleet.plugins.module_utils.collect import gpu_gaudi
from ansible_collections.muster.fleet.plugins.module_utils.host import Asked
from ansible_collections.muster.fleet.plugins.module_utils.replay import Replay

MODULE = {"/sys/module/habanalabs/initstate": "live\n", "/sys/module/habanalabs/version": "1.21.0-ca59b5a\n"}
REAL = "/sys/devices/pci0000:15/0000:19:00.0"
CARD = {
    f"{REAL}/status": "operational\n",
    f"{REAL}/module_id": "3\n",
    f"{REAL}/cpucp_ver": "hl-gaudi3-1.21.0-fw-59.2.1-sec-9\n",
    f"{REAL}/hard_reset_cnt": "0\n",
    f"{REAL}/max_power": "900000000\n",
    f"{REAL}/hwmon/hwmon4/temp1_input": "31000\n",
    f"{REAL}/current_link_width": "16\n",
}
NEW = {"/sys/class/accel/accel0": f"{REAL}/accel/accel0", f"{REAL}/accel/accel0/device": REAL}
CARDS, HEALTH = f"hl-smi -Q {gpu_gaudi.CARDS} -f csv", f"hl-smi -Q {gpu_gaudi.HEALTH} -f csv"
CLOCKS = f"hl-smi -Q {gpu_gaudi.CLOCKS} -f csv"
TABLE = (
    "index, module_id, bus_id, uuid, name, driver_version, memory.total [MiB], memory.used [MiB], "
    "temperature.aip [C], power.draw [W], utilization.aip [%]\n"
    "0, 3, 0000:19:00.0, 01P4, HL-325L, 1.21.0-ca59b5a, 131072 MiB, 672 MiB, 33 C, 218 W, 0 %\n"
)
HEALTHY = {
    CARDS: {"rc": 0, "stdout": TABLE},
    HEALTH: {"rc": 0, "stdout": f"{gpu_gaudi.HEALTH}\n0000:19:00.0, AP1, Enabled, 4, 0, 9, 0\n"},
    CLOCKS: {"rc": 0, "stdout": f"{gpu_gaudi.CLOCKS}\n0000:19:00.0, 1600 MHz, 1650 MHz, 1100 MHz, Disabled\n"},
    "hl-smi -n link -i 0000:19:00.0": {"rc": 0, "stdout": "port  0:\tUP\nport  1:\tDOWN\nport  8:\tUP\n"},
    "hl-smi -n ports -i 0000:19:00.0": {"rc": 0, "stdout": "port  0:\tinternal\nport  8:\texternal\n"},
}


def collect(files=None, links=None, commands=None):
    files = {**MODULE, **CARD} if files is None else files
    document = {"muster_recording": 1, "closed": True, "files": files, "links": NEW if links is None else links}
    asked = Asked(Replay([{**document, "commands": commands or {}}]))
    return gpu_gaudi.collect(asked, {}), asked.errors


def test_healthy():
    facts, errors = collect(commands=HEALTHY)
    assert (facts["state"], facts["source"], facts["driver_count"], errors) == ("ok", "hl-smi", 1, [])
    assert facts["driver"]["synapse_version"] == "1.21.0"
    (device,) = facts["devices"]
    assert (device["label"], device["module_id"], device["temperature_c"]) == ("GPU 0 (0000:19:00.0)", 3, 33)
    assert (device["ecc"]["enabled"], device["ecc"]["volatile"]["corrected"], device["serial"]) == (True, 4, "AP1")
    assert (device["clocks"]["sm_mhz"], device["clocks"]["sm_max_mhz"]) == (1600, 1650)
    assert (device["extra"]["clock_limit_mhz"], device["ecc"]["pending"]) == (1100, False)
    assert [(link["label"], link["active"]) for link in device["links"]] == [("port 0", True), ("port 1", False)]


def test_words_that_no_table_knows_are_kept():
    said = {**HEALTHY, "hl-smi -n link -i 0000:19:00.0": {"rc": 0, "stdout": "port  0:\tMOONLIT\nport  1:\tUP\n"}}
    said[HEALTH] = {"rc": 0, "stdout": f"{gpu_gaudi.HEALTH}\n0000:19:00.0, AP1, Moonlit, 4, 0, 9, 0\n"}
    facts, unused = collect(commands=said)
    (device,) = facts["devices"]
    assert [link["active"] for link in device["links"]] == ["moonlit", True]
    assert device["ecc"]["enabled"] == "Moonlit"


def test_driver_not_loaded():
    facts, errors = collect({}, {})
    assert (facts["state"], facts["driver_count"], facts["devices"], errors) == ("driver_not_loaded", 0, [], [])


def test_no_tool_leaves_what_the_driver_shows():
    facts, errors = collect()
    assert (facts["state"], facts["source"]) == ("no_tool", "sysfs")
    assert errors == [{"source": "hl-smi", "reason": "absent: hl-smi: not found"}]
    (device,) = facts["devices"]
    assert (device["state"], device["temperature_c"], device["power_max_w"], device["pcie"]["width"]) == (
        "ok",
        31.0,
        900.0,
        16,
    )
    assert (device["links"], device["memory"]["total_bytes"], device["ecc"]["enabled"]) == (None, None, None)


def test_old_kernels_keep_the_files_elsewhere():
    files = {path.replace(REAL, "/sys/class/habanalabs/hl0"): text for path, text in CARD.items() if "link" not in path}
    links = {"/sys/class/habanalabs/hl0/device": REAL}
    facts, unused = collect(
        {**MODULE, **files, f"{REAL}/vendor": "0x1da3", "/sys/class/habanalabs/hl_controlD0/x": ""}, links
    )
    assert [(device["pci_address"], device["state"]) for device in facts["devices"]] == [("0000:19:00.0", "ok")]


def test_other_vendors_accelerators_are_left_alone():
    files = {path: text for path, text in {**MODULE, **CARD}.items() if not path.endswith("/status")}
    assert collect(files)[0]["devices"] == []


@pytest.mark.parametrize(
    ("status", "state"),
    [
        ("operational", "ok"),
        ("Malfunction", "error"),
        ("in device creation", "error"),
        ("needs reset", "reset_required"),
        ("<b>", None),
    ],
)
def test_status(status, state):
    facts, unused = collect({**MODULE, **CARD, f"{REAL}/status": f"{status}\n"})
    (device,) = facts["devices"]
    assert device["state"] == state
    assert (device["state_detail"] is None) == (state == "ok")


@pytest.mark.parametrize(
    ("answer", "state"),
    [
        ({"state": "timeout"}, "timeout"),
        ({"rc": 1, "stdout": "", "stderr": "unknown field"}, "failed"),
        ({"rc": 0, "stdout": ""}, "failed"),
        ({"rc": 0, "stdout": {"b64": "//4AAf8="}}, "failed"),
        ({"rc": 0, "stdout": "index, bus_id\n0"}, "failed"),
        ({"rc": 0, "stdout": "x" * (5 << 20)}, "failed"),
    ],
)
def test_tool_unanswered(answer, state):
    facts, unused = collect(commands={**HEALTHY, CARDS: answer})
    assert (facts["state"], facts["source"]) == (state, "sysfs")
    assert facts["state_detail"]
    assert [device["pci_address"] for device in facts["devices"]] == ["0000:19:00.0"]


def test_some_questions_unanswered():
    facts, unused = collect(commands={**HEALTHY, "hl-smi -n link -i 0000:19:00.0": {"state": "timeout"}})
    assert (facts["state"], facts["state_detail"]) == ("partial", "1 of 4 further calls of hl-smi failed")
    assert facts["devices"][0]["links"] is None


def test_hostile_cells_stay_text():
    text = TABLE.replace("HL-325L", "{{ 7*7 }}<script>").replace("33 C", "<b>")
    facts, unused = collect(commands={**HEALTHY, CARDS: {"rc": 0, "stdout": text}})
    assert facts["devices"][0]["model"] == "{{ 7*7 }}<script>"
    assert facts["devices"][0]["temperature_c"] == 31.0


def test_recorded_gaudi_2_server(fixtures):
    entries = [json.loads(line) for line in (fixtures / "gaudi" / "sysfs-gaudi2-8.tree.jsonl").read_text().splitlines()]
    files = {entry["path"]: entry["data"] for entry in entries if "data" in entry}
    links = {entry["path"]: entry["link"] for entry in entries if "link" in entry}
    table = (fixtures / "gaudi" / "hl-smi-gaudi2-8.csv").read_text()
    facts, unused = collect({**MODULE, **files}, links, {CARDS: {"rc": 0, "stdout": table}})
    assert facts["driver_count"] == 8
    states = {device["index"]: device["state"] for device in facts["devices"]}
    assert states == {**dict.fromkeys(range(8), "ok"), 5: "error"}
    assert [device["extra"]["hard_reset_count"] for device in facts["devices"]][2] == 3
    assert [device["module_id"] for device in facts["devices"]] == [3, 4, 5, 6, 7, 0, 1, 2]
    assert {device["pcie"]["generation"] for device in facts["devices"]} == {4}
