# Copyright (c) 2026 the muster.fleet authors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Every recording of a real machine that an INDEX.md lists gives the facts stated there, or says why nothing reads it.

The recordings are other people's and not part of the project: without them these tests are skipped, and say so.
"""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from ansible_collections.muster.fleet.plugins.module_utils.collect import firmware, gpu_amd_sysfs, nic, pci
from ansible_collections.muster.fleet.plugins.module_utils.host import Asked
from ansible_collections.muster.fleet.plugins.module_utils.parse import ip
from ansible_collections.muster.fleet.plugins.module_utils.replay import Replay

UNIT = Path(__file__).parent
LATER = "the out-of-band plane is not built yet"
OTHER_TOOL = "no collector asks this tool: "
FABRIC = "a switch or the fabric as a whole, which no host tells"
TEXT = "dmidecode for people; the collector reads the tables themselves"

# Folder -> file (or pattern) -> the test that replays it, or why none does.
REPLAYED = {
    "amd": {
        "amd-smi-static-mi300x-x8-list.json": "parse/test_amd_smi.py",
        "kfd-mi210-xgmi.tree.jsonl": "parse/test_kfd.py",
    },
    "gaudi": {
        "hl-smi-gaudi2-8.csv": "parse/test_hl_smi.py",
        "sysfs-gaudi2-8.tree.jsonl": "collect/test_gpu_gaudi.py",
    },
    "hosttree": {
        "hwloc-32em64t-2n8c+dax+nvme+mic+dimms.tar.bz2": "collect/test_host_recorded.py",
        "hwloc-nvidia-dgx-gb10.tar.bz2": "collect/test_host_recorded.py",
        "procfs-net-dmi-drm.tree.jsonl": "test_recordings.py",
    },
    "ib": {
        "gcm-learn_good.json": "collect/test_nic_rdma.py",
        "gcm-learn_ib_intf_bad_rate.json": "collect/test_nic_rdma.py",
        "h100-node-infiniband.tree.jsonl": "collect/test_nic_rdma.py",
    },
    "nic": {
        "gcm-eth_learn_degraded_intf.json": "test_recordings.py",
        "gcm-eth_learn_good.json": "parse/test_lldp.py",
        "jc-ethtool--default1.out": "parse/test_ethtool.py",
        "jc-ethtool--module-info.out": "parse/test_ethtool.py",
        "lldp-bluefield-json.json": "parse/test_lldp.py",
        "netdata-ethtool-m-ddm.txt": "parse/test_ethtool.py",
    },
    "nvidia": {
        "azure-good_nvlink_status.txt": "parse/test_nvidia_smi.py",
        "dmesg-xid119.log": "parse/test_xid.py",
        "lspci-nn-a100.txt": "test_recordings.py",
        "lspci-vvv-h100-node.txt": "collect/test_pci.py",
        "nvlink-status-a100.txt": "parse/test_nvidia_smi.py",
        **{
            f"smi-{name}.xml": "parse/test_nvidia_smi.py"
            for name in (
                *("a100-real", "a100-sxm4-v12", "a10g", "gb200-ecc-injected-mock", "gb200-lost-mock"),
                *("gb200-real", "h100-real", "t4-real"),
            )
        },
    },
    "smbios": {
        "dell_r640_smbios.bin": "parse/test_smbios.py",
        "dell_r740xd_smbios.bin": "parse/test_smbios.py",
        "quanta_t41_smbios.bin": "parse/test_smbios.py",
        "sidero-SuperMicro-Dual-Xeon.dmi": "parse/test_smbios.py",
    },
}
UNREAD = {
    "amd": {r"rocm-smi.*": OTHER_TOOL + "rocm-smi's keys change with every release; amd-smi and sysfs are read"},
    "ib": {r"ibx-.*|superbench-.*": FABRIC},
    "inventory": {r".*": "another controller's own inventory format"},
    "ipmi": {r".*": LATER},
    "nic": {
        r"ainic-.*|rdma_link.*": OTHER_TOOL + "rdma, nicctl and ethtool -S; sysfs tells the same",
        r"cip-lldptool.*|lldp-dedibox.*": OTHER_TOOL + "lldpcli is asked for JSON",
    },
    "nvidia": {
        r"azure-orig_nvsmi8.*": OTHER_TOOL + "nvidia-smi is asked for XML",
        r"dcgmi-.*": OTHER_TOOL + "DCGM's diagnosis runs load",
        r"gcm-DGX_A100\.json": "a manifest of what should be there, not a recording",
    },
    "redfish": {r".*": LATER},
    "smbios": {r"(dmi|nba)-.*\.txt": TEXT},
}


def listed(fixtures):
    """Return folder -> the files that its INDEX.md lists."""
    return {
        index.parent.name: re.findall(r"^\| `([^`]+)`", index.read_text(), re.MULTILINE)
        for index in sorted(fixtures.glob("*/INDEX.md"))
    }


def reason(folder, name):
    return next((why for pattern, why in UNREAD.get(folder, {}).items() if re.fullmatch(pattern, name)), None)


def test_every_listed_recording_is_replayed_or_has_a_reason(fixtures):
    files = [(folder, name) for folder, names in listed(fixtures).items() for name in names]
    assert len(files) > 70
    left = [pair for pair in files if pair[1] not in REPLAYED.get(pair[0], {}) and not reason(*pair)]
    assert left == []


def test_no_recording_has_both(fixtures):
    assert [name for folder, names in REPLAYED.items() for name in names if reason(folder, name)] == []


@pytest.mark.parametrize(("folder", "name"), [(folder, name) for folder, names in REPLAYED.items() for name in names])
def test_the_named_test_reads_the_recording(folder, name):
    assert name in (UNIT / REPLAYED[folder][name]).read_text()


def tree(path):
    """Return the files and links of a ``*.tree.jsonl`` recording."""
    entries = [json.loads(line) for line in path.read_text().splitlines()]
    files = {entry["path"]: entry["data"] for entry in entries if isinstance(entry.get("data"), str)}
    return files, {entry["path"]: entry["link"] for entry in entries if "link" in entry}


@pytest.fixture
def recorded(fixtures):
    """A machine with eth0, the DMI folder of a PowerEdge R6515, and a Vega card beside Intel's graphics."""
    files, links = tree(fixtures / "hosttree" / "procfs-net-dmi-drm.tree.jsonl")
    links = {path: target.rstrip("/") for path, target in links.items()}
    card = "/sys/devices/pci0000:00/0000:09:00.0"
    moved = {path.replace("/sys/class/drm/card0/device", card): text for path, text in files.items()}
    links = {**links, "/sys/class/drm/card0/device": card, "/sys/bus/pci/devices/0000:09:00.0": card}
    links[f"{card}/driver"] = "/sys/bus/pci/drivers/amdgpu"
    moved["/sys/bus/pci/drivers/amdgpu/uevent"] = ""
    identity = {"uid": 0, "now": 1.0, "kernel": "recorded", "machine": "x86_64"}
    document = {"muster_recording": 1, "closed": True, "identity": identity, "files": moved, "links": links}
    return Replay([document])


def test_recorded_interface(recorded):
    (netdev,) = [one for one in nic.collect(recorded, {})["netdevs"] if one["name"] == "eth0"]
    assert (netdev["mtu"], netdev["operstate"], netdev["carrier"]) == (1500, "up", True)
    assert (netdev["carrier_changes"], netdev["carrier_down_count"]) == (2, 1)


def test_recorded_dmi_folder(recorded):
    found = firmware.collect(recorded, {})
    assert (found["system"]["manufacturer"], found["system"]["model"]) == ("Dell Inc.", "PowerEdge R6515")
    assert (found["bios"]["version"], found["bios"]["date"]) == ("2.2.4", "2021-04-12")
    assert found["state"] == "partial"


def test_recorded_vega_card(recorded):
    asked = Asked(recorded)
    (card,) = gpu_amd_sysfs.cards(asked).values()
    assert card["memory"]["total_bytes"] == 8573157376
    assert (card["pcie"]["width"], card["firmware"]["vbios"]) == (16, "115-D050PIL-100")


def test_recorded_degraded_bond(fixtures):
    told = json.loads((fixtures / "nic" / "gcm-eth_learn_degraded_intf.json").read_text())
    links = ip.links(told["intf_status"])
    files = {}
    for name, speed in told["link_speed"].items():
        base = f"/sys/class/net/{name}"
        files.update({f"{base}/speed": f"{speed}\n", f"{base}/type": "1\n", f"{base}/ifindex": "2\n"})
        files.update({f"{base}/flags": "0x1003\n", f"{base}/carrier": "1\n", f"{base}/uevent": "DEVTYPE=bond\n"})
    machine = Replay([{"muster_recording": 1, "closed": True, "identity": {"uid": 0, "now": 1.0}, "files": files}])
    speeds = {one["name"]: one["speed_mbps"] for one in nic.collect(machine, {})["netdevs"]}
    assert set(links) == set(speeds)
    assert speeds == {"enp97s0f0": 100000, "enp225s0f0": 100000, "front0": 200000}


def test_recorded_a100_functions(fixtures):
    """``lspci -nn`` of an A100 node: accelerators and NVSwitches are told by class and vendor."""
    files = {}
    listing = (fixtures / "nvidia" / "lspci-nn-a100.txt").read_text()
    rows = re.findall(r"^(\S+) .*?\[([0-9a-f]{4})\]: .*\[([0-9a-f]{4}):([0-9a-f]{4})\]", listing, re.MULTILINE)
    for address, kind, vendor, device in rows:
        place = f"/sys/bus/pci/devices/{address if address.count(':') == 2 else '0000:' + address}"
        files.update({f"{place}/class": f"0x{kind}00\n", f"{place}/vendor": f"0x{vendor}\n"})
        files[f"{place}/device"] = f"0x{device}\n"
    counts = pci.collect(Replay([{"muster_recording": 1, "closed": True, "files": files}]), {})["role_counts"]
    kinds = [(kind, vendor, device) for unused, kind, vendor, device in rows]
    assert counts["gpu"] == kinds.count(("0302", "10de", "20b2")) == 8
    assert counts["nvswitch"] == kinds.count(("0680", "10de", "1af1")) > 0
