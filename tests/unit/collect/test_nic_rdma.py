from __future__ import annotations

import json
from pathlib import Path

import pytest

from ansible_collections.muster.fleet.plugins.module_utils.collect import nic
from ansible_collections.muster.fleet.plugins.module_utils.judge.engine import Ground, judge
from ansible_collections.muster.fleet.plugins.module_utils.replay import Replay
from ansible_collections.muster.fleet.plugins.plugin_utils import catalogue

SITE = Path(__file__).resolve().parents[3] / "inventories" / "lab-site" / "profiles"
CLASS = "/sys/class/infiniband"
PORT = {
    "state": "4: ACTIVE\n",
    "phys_state": "5: LinkUp\n",
    "rate": "400 Gb/sec (4X NDR)\n",
    "link_layer": "InfiniBand\n",
}
FABRIC = {"fabric": {"link_layer": "InfiniBand", "driver": "mlx5_core", "device": "^mlx5_[0-9]+$"}}


def machine(files, links=None, uptime="864000.0 1\n"):
    base = {"/proc/uptime": uptime, "/proc/net/route": "Iface\n", "/sys/class/net/lo/ifindex": "1\n"}
    return Replay([{"muster_recording": 1, "closed": True, "files": {**base, **files}, "links": links or {}}])


def device(name, port=None, link=True, **files):
    """One device with one port, and the links to its PCI function."""
    place = f"/sys/devices/pci0000:00/0000:00:{int(name[-1]):02x}.0"
    made = {f"{CLASS}/{name}/{file}": text for file, text in files.items()}
    made.update({f"{CLASS}/{name}/ports/1/{file}": text for file, text in {**PORT, **(port or {})}.items()})
    made["/sys/bus/pci/drivers/mlx5_core/uevent"] = ""
    links = {f"{CLASS}/{name}/device": place, f"{place}/driver": "/sys/bus/pci/drivers/mlx5_core"}
    return made, links if link else {}


def rdma(*made, wanted=FABRIC):
    files, links = {}, {}
    for some_files, some_links in made:
        files.update(some_files)
        links.update(some_links)
    return nic.collect(machine(files, links), wanted)["rdma"]


def test_a_port():
    counters = {"counters/link_downed": "20\n", "counters/symbol_error": "65535\n", "hw_counters/lifespan": "12\n"}
    tables = {"lid": "0x11\n", "sm_lid": "0x1\n", "pkeys/0": "0xffff\n", "pkeys/1": "0x0000\n"}
    found = rdma(
        device("mlx5_0", {**counters, **tables}, fw_ver="28.43.2026\n", board_id="MT_1\n", hca_type="MT4129\n")
    )
    (port,) = found["ports"]
    assert (port["label"], port["state"], port["physical_state"]) == ("mlx5_0 port 1", "ACTIVE", "LinkUp")
    assert (port["rate_gbps"], port["lanes"], port["lane_speed"]) == (400.0, 4, "NDR")
    assert (port["lid"], port["sm_lid"], port["pkeys"]) == (17, 1, ["0xffff"])
    assert port["saturated"] == ["symbol_error"]
    assert port["per_day"] == {"link_downed": 2.0, "symbol_error": None}
    assert port["hw_counters"] == {}
    assert (port["firmware_version"], port["board_id"], found["fabric_count"]) == ("28.43.2026", "MT_1", 1)


def test_only_what_the_profile_calls_the_fabric_is_counted():
    ethernet = device("mlx5_1", {"link_layer": "Ethernet\n"})
    assert rdma(device("mlx5_0"), ethernet, device("mlx5_bond_2"))["fabric_count"] == 1
    assert rdma(ethernet)["fabric_count"] == 0
    assert rdma()["fabric_count"] == 0
    assert rdma(ethernet, wanted={})["fabric_count"] is None


def test_a_pattern_that_is_none_is_an_error():
    files, links = device("mlx5_0")
    facts = nic.collect(machine(files, links), {"fabric": dict(FABRIC["fabric"], device="(")})
    assert facts["rdma"]["fabric_count"] is None
    assert "regular expression" in next(error["reason"] for error in facts["errors"] if error["source"] == "profile")


def test_no_rdma_at_all():
    assert rdma() == {
        "source": "sysfs",
        "loaded": False,
        "devices": [],
        "ports": [],
        "virtual_function_count": 0,
        "fabric_count": 0,
    }


def test_soft_rdma_and_empty_firmware():
    (found,) = rdma(device("rxe0", {"link_layer": "Ethernet\n"}, link=False, fw_ver="\n"))["devices"]
    assert (found["driver"], found["firmware_version"], found["hca_type"]) == ("software", None, None)


def test_a_port_without_counters_has_no_rates():
    (port,) = rdma(device("mlx5_0"))["ports"]
    assert (port["counters"], port["saturated"], port["per_day"], port["gids"], port["pkeys"]) == (None,) * 5


def test_gids():
    zero = ":".join(["0000"] * 8) + "\n"
    table = {f"gids/{index}": zero for index in range(128)}
    table.update(
        {"gids/0": "fe80:0000:0000:0000:0202:c9ff:fe00:0001\n", "gids/2": "0000:0000:0000:0000:0000:ffff:0a01:0007\n"}
    )
    table.update({"gid_attrs/types/0": "IB/RoCE v1\n", "gid_attrs/types/2": "RoCE v2\n", "gid_attrs/ndevs/0": "eth0\n"})
    (port,) = rdma(device("mlx5_0", table))["ports"]
    assert (port["gids"]["count"], port["gids"]["types"], port["netdev"]) == (2, ["IB/RoCE v1", "RoCE v2"], "eth0")
    assert [entry["index"] for entry in port["gids"]["entries"]] == [0, 2]


@pytest.mark.parametrize(
    "rubbish",
    ["", "x", "9" * 400, "9" * 5000, "-1", {"b64": "//79/A=="}, {"state": "denied"}, "{{ 1 }}"],
    ids=lambda value: repr(value)[:20],
)
def test_rubbish_in_any_file(rubbish):
    more = {
        "counters/link_downed": "1\n",
        "lid": "0x1\n",
        "gids/0": "x\n",
        "pkeys/0": "0xffff\n",
        "gid_attrs/types/0": "x\n",
    }
    files, links = device("mlx5_0", more, fw_ver="1\n", node_guid="x\n")
    for path in files:
        facts = nic.collect(machine({**files, path: rubbish}, links), FABRIC)
        assert len(facts["rdma"]["ports"]) == 1
        json.dumps(facts, allow_nan=False)


def test_an_unreadable_state_is_unknown_and_said_so():
    files, links = device("mlx5_0")
    files[f"{CLASS}/mlx5_0/ports/1/state"] = {"state": "failed", "detail": "Input/output error"}
    facts = nic.collect(machine(files, links), FABRIC)
    assert facts["rdma"]["ports"][0]["state"] is None
    assert {"source": f"{CLASS}/mlx5_0/ports/1/state", "reason": "failed: Input/output error"} in facts["errors"]


def recorded_h100(fixtures):
    """A real H100 node's class tree; its links to PCI were not recorded and are put in."""
    files, links = {}, {}
    with open(fixtures / "ib/h100-node-infiniband.tree.jsonl", encoding="utf-8") as lines:
        for entry in map(json.loads, lines):
            if "link" in entry:
                links[entry["path"]] = entry["link"]
            else:
                files[entry["path"]] = entry["data"]
    names = sorted({path.split("/")[4] for path in [*files, *links] if path.startswith(CLASS + "/")})
    files["/sys/bus/pci/drivers/mlx5_core/uevent"] = ""
    for number, name in enumerate(names):
        place = f"/sys/devices/pci0000:00/0000:00:{number:02x}.0"
        links[f"{CLASS}/{name}/device"] = place
        links[f"{place}/driver"] = "/sys/bus/pci/drivers/mlx5_core"
    return machine(files, links)


def test_recorded_h100_node(fixtures):
    found = nic.collect(recorded_h100(fixtures), FABRIC)["rdma"]
    assert [device["name"] for device in found["devices"]] == [f"mlx5_{n}" for n in (0, 1, 4, 5, 6, 7, 8, 9)] + [
        "mlx5_bond_0"
    ]
    fabric = [port for port in found["ports"] if port["link_layer"] == "InfiniBand"]
    assert len(fabric) == found["fabric_count"] == 8
    assert {(port["state"], port["physical_state"], port["rate_gbps"], port["lanes"]) for port in fabric} == {
        ("ACTIVE", "LinkUp", 400.0, 4)
    }
    assert {(port["hca_type"], port["firmware_version"], port["board_id"]) for port in fabric} == {
        ("MT4129", "28.41.1000", "MT_0000000838")
    }
    bond = found["ports"][-1]
    assert (bond["link_layer"], bond["rate_gbps"], bond["lanes"], bond["hca_type"]) == ("Ethernet", 200.0, 2, "MT41692")
    assert "link_downed" in fabric[1]["saturated"]
    assert fabric[0]["lid"] is None


def test_recorded_h100_node_fails_no_check_of_its_fabric(fixtures):
    profile = catalogue.profile("hgx_h100", [SITE])
    facts = {"nic": nic.collect(recorded_h100(fixtures), nic.wanted(profile["values"]))}
    checks = [check for check in catalogue.checks() if check["id"].startswith("rdma.")]
    rows = judge(checks, Ground(facts, profile, "2026-11-18T06:00:00Z"))["results"]
    assert {row["id"] for row in rows if row["status"] == "fail"} == {"rdma.errors.counters"}
    assert {row["severity"] for row in rows if row["id"] == "rdma.errors.counters"} == {"info"}
    passed = {row["id"] for row in rows if row["status"] == "pass"}
    assert {
        "rdma.device.count",
        "rdma.port.state",
        "rdma.port.rate",
        "rdma.errors.symbol",
        "rdma.firmware.minimum",
    } <= passed
    unknown = {row["id"] for row in rows if row["status"] == "unknown"}
    assert {"rdma.port.lid", "rdma.port.gid", "rdma.pcie.width"} <= unknown  # these files were not recorded


@pytest.mark.parametrize(
    ("file", "rate", "firmware"),
    [("gcm-learn_good.json", 200.0, "20.31.2354"), ("gcm-learn_ib_intf_bad_rate.json", 100.0, "fw_ver")],
)
def test_recorded_a100_node(fixtures, file, rate, firmware):
    recorded = json.loads((fixtures / "ib" / file).read_text())
    files, links = {"/sys/bus/pci/drivers/mlx5_core/uevent": ""}, {}
    for path, text in recorded.items():
        if "/infiniband/" in path:
            name = path.split("/infiniband/")[1].split("/")[0]
            place = path.split("/infiniband/")[0].replace("/sys/bus/pci", "/sys/devices")
            files[f"{place}/infiniband/{path.split('/infiniband/')[1]}"] = text
            links.update({f"{CLASS}/{name}": f"{place}/infiniband/{name}", f"{place}/infiniband/{name}/device": place})
            links[f"{place}/driver"] = "/sys/bus/pci/drivers/mlx5_core"
    found = nic.collect(machine(files, links), FABRIC)["rdma"]
    assert len(found["ports"]) == found["fabric_count"] == 8
    assert {port["rate_gbps"] for port in found["ports"]} == {rate}
    assert {port["state"] for port in found["ports"]} == {"ACTIVE"}
    assert {port["firmware_version"] for port in found["ports"]} == {firmware}
    assert {device["node_guid"] for device in found["devices"]} == {None}  # replaced by its own name
