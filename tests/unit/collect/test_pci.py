from __future__ import annotations

import base64
import re
import struct
import tarfile
import time

import pytest

from ansible_collections.muster.fleet.plugins.module_utils.collect import pci
from ansible_collections.muster.fleet.plugins.module_utils.host import Asked
from ansible_collections.muster.fleet.plugins.module_utils.parse import pci as parse
from ansible_collections.muster.fleet.plugins.module_utils.replay import Replay

ROOT = "/sys/bus/pci/devices"


def machine(functions, **more):
    """A machine of ``address: {file: text}``; ``in`` names the bridges above, the last three are links."""
    files, links = {}, {}
    for address, about in functions.items():
        about = dict(about)
        real = "/sys/devices/pci0000:00/" + "/".join([*about.pop("in", []), address])
        links[f"{ROOT}/{address}"] = real
        for link, folder in (("driver", "/sys/bus/pci/drivers/"), ("iommu_group", "/sys/kernel/iommu_groups/")):
            if link in about:
                links[f"{real}/{link}"] = folder + about[link]
                files[f"{folder}{about.pop(link)}/uevent"] = ""
        if "physfn" in about:
            links[f"{real}/physfn"] = "/sys/devices/pci0000:00/" + about.pop("physfn")
        files.update({f"{real}/{name}": text for name, text in about.items()})
    return Replay([{"muster_recording": 1, "closed": True, "files": {**files, **more}, "links": links}])


GPU = {"class": "0x030200\n", "vendor": "0x10de\n", "device": "0x2330\n"}
NIC = {"class": "0x020700\n", "vendor": "0x15b3\n", "device": "0x1021\n"}


def by_address(host):
    return {device["address"]: device for device in pci.collect(host, {})["devices"]}


def test_roles():
    host = machine(
        {
            "0000:01:00.0": GPU,
            "0000:01:00.1": {"class": "0x040300", "vendor": "0x10de"},  # the GPU's audio function
            "0000:02:00.0": {"class": "0x030000", "vendor": "0x1a03"},  # the BMC's screen
            "0000:03:00.0": {"class": "0x068000", "vendor": "0x10de"},
            "0000:04:00.0": {"class": "0x120000", "vendor": "0x1da3"},
            "0000:05:00.0": {"class": "0x038000", "vendor": "0x1002"},
            "0000:06:00.0": {"class": "0x010802", "vendor": "0x144d"},
            "0000:07:00.0": {"class": "0x020000", "vendor": "0x8086"},
            "0000:08:00.0": {"class": "0x060400", "vendor": "0x8086"},  # a bridge above nothing of interest
            "0000:09:00.0": {},
        }
    )
    assert {address: device["role"] for address, device in by_address(host).items()} == {
        "0000:01:00.0": "gpu",
        "0000:03:00.0": "nvswitch",
        "0000:04:00.0": "gpu",
        "0000:05:00.0": "gpu",
        "0000:06:00.0": "nvme",
        "0000:07:00.0": "nic",
    }
    assert pci.collect(host, {})["role_counts"] == {"bridge": 0, "gpu": 3, "nic": 1, "nvme": 1, "nvswitch": 1}


def test_accelerators_do_not_need_a_driver():
    asked = Asked(machine({"0000:01:00.0": GPU, "0000:07:00.0": NIC}))
    assert pci.accelerators(asked) == [{"address": "0000:01:00.0", "vendor": "0x10de", "device_id": "0x2330"}]


def test_virtual_functions_are_not_devices():
    host = machine({"0000:07:00.0": NIC, "0000:07:00.1": {**NIC, "physfn": "0000:07:00.0"}})
    assert list(by_address(host)) == ["0000:07:00.0"]


def test_nothing_is_made_up():
    device = by_address(machine({"0000:01:00.0": GPU}))["0000:01:00.0"]
    unknown = ("width", "width_max", "speed_gts", "speed_max_gts", "bar_max_bytes", "numa_node", "lost", "sriov_vfs")
    assert {name: device[name] for name in unknown} == dict.fromkeys(unknown)
    assert device["aer"] == {"correctable": None, "nonfatal": None, "fatal": None}
    assert (device["driver"], device["iommu_type"], device["aer_capable"]) == ("none", "off", False)


def test_error_counters_that_cannot_be_read_are_still_there():
    refused = {f"aer_dev_{kind}": {"state": "failed", "detail": "Input/output error"} for kind in ("fatal", "nonfatal")}
    facts = pci.collect(machine({"0000:01:00.0": {**GPU, **refused}}), {})
    assert (facts["devices"][0]["aer_capable"], facts["devices"][0]["aer"]["fatal"]) == (True, None)
    assert "Input/output error" in facts["errors"][0]["reason"]


@pytest.mark.parametrize("gone", ["fatal", "nonfatal", "correctable"])
def test_one_error_counter_that_is_gone_is_unknown_and_not_none(gone):
    kinds = {f"aer_dev_{kind}": "TOTAL_ERR 0\n" for kind in ("fatal", "nonfatal", "correctable") if kind != gone}
    (device,) = pci.collect(machine({"0000:01:00.0": {**GPU, **kinds}}), {})["devices"]
    assert (device["aer_capable"], device["aer"][gone]) == (True, None)


def test_number_of_virtual_functions_that_is_gone_is_unknown_and_not_none():
    (device,) = pci.collect(machine({"0000:01:00.0": {**GPU, "sriov_totalvfs": "16\n"}}), {})["devices"]
    assert (device["sriov_capable"], device["sriov_vfs"]) == (True, None)


def test_what_is_there_is_told():
    about = {
        "current_link_width": "8",
        "max_link_width": "16",
        "current_link_speed": "16 GT/s",
        "max_link_speed": "32.0 GT/s PCIe",
        "numa_node": "-1\n",
        "aer_dev_fatal": "DLP 1\nTOTAL_ERR_FATAL 1\n",
        "sriov_numvfs": "4\n",
        "driver": "vfio-pci",
        "iommu_group": "7",
    }
    host = machine({"0000:01:00.0": {**GPU, **about}}, **{"/sys/kernel/iommu_groups/7/type": "DMA-FQ\n"})
    device = by_address(host)["0000:01:00.0"]
    assert (device["width"], device["width_max"], device["speed_gts"], device["speed_max_gts"]) == (8, 16, 16.0, 32.0)
    assert (device["numa_node"], device["aer"]["fatal"], device["sriov_vfs"]) == (-1, 1, 4)
    assert (device["driver"], device["iommu_group"], device["iommu_type"]) == ("vfio-pci", "7", "DMA-FQ")


def test_nics_behind_the_same_switch():
    up, down0, down1 = "0000:16:00.0", "0000:17:00.0", "0000:17:01.0"
    host = machine(
        {
            "0000:18:00.0": {**NIC, "in": ["0000:15:01.0", up, down0]},
            "0000:1b:00.0": {**GPU, "in": ["0000:15:01.0", up, down1]},
            "0000:29:00.0": {**NIC, "in": ["0000:26:01.0"]},
            "0000:43:00.0": {**GPU, "in": ["0000:26:02.0"]},
        }
    )
    found = by_address(host)
    assert found["0000:1b:00.0"]["switch_nics"] == ["PCI 0000:18:00.0"]
    assert found["0000:43:00.0"]["switch_nics"] == []
    assert found["0000:15:01.0"]["leads_to"] == ["gpu", "nic"]
    assert found[down1]["leads_to"] == ["gpu"]
    assert found["0000:26:01.0"]["leads_to"] == ["nic"]


def test_no_pci_tree_is_an_error_not_an_empty_machine():
    facts = pci.collect(Replay([{"muster_recording": 1, "closed": True}]), {})
    assert facts["devices"] is None
    assert facts["role_counts"] is None
    assert facts["errors"] == [{"source": ROOT, "reason": "absent"}]


@pytest.mark.parametrize("bad", [{"b64": "//79/A=="}, "<script>{{ 7*7 }}</script>", "9" * 100000, {"state": "denied"}])
def test_hostile_files(bad):
    names = ["vendor", "device", "numa_node", "current_link_width", "current_link_speed", "aer_dev_fatal"]
    files = dict.fromkeys([*names, "resource", "config", "sriov_numvfs"], bad)
    facts = pci.collect(machine({"0000:01:00.0": {**files, "class": "0x020000"}}), {})
    assert [device["width"] for device in facts["devices"]] == [None]
    assert facts["errors"]


CLASSES = {
    "3D controller": "0x030200",
    "Bridge": "0x068000",
    "Ethernet controller": "0x020000",
    "Infiniband controller": "0x020700",
    "Non-Volatile memory controller": "0x010802",
    "PCI bridge": "0x060400",
    "VGA compatible controller": "0x030000",
}


def from_lspci(text):
    """Turn ``lspci -vvv`` into the tree that it was read from, as far as it tells."""
    blocks = re.split(r"\n(?=[0-9a-f]{2}:[0-9a-f]{2}\.\d )", text)
    functions, bridges = {}, {}
    for block in blocks:
        address = "0000:" + block.split(" ", 1)[0]
        kind, name = re.match(r"\S+ ([^:]+): (.*)", block).groups()
        cap = re.search(r"LnkCap:.*?Speed (\S+?),? Width x(\d+)", block)
        sta = re.search(r"LnkSta:\s*Speed (\S+?)[, ].*?Width x(\d+)", block)
        about = {"class": CLASSES.get(kind, "0x088000"), "vendor": "0x10de" if "NVIDIA" in name else "0x1234"}
        if cap and sta:
            for kind, link in (("max", cap), ("current", sta)):
                about[f"{kind}_link_speed"] = link.group(1).replace("GT/s", " GT/s")
                about[f"{kind}_link_width"] = link.group(2)
        secondary = re.search(r"secondary=([0-9a-f]{2})", block)
        if secondary:
            bridges[secondary.group(1)] = address
        functions[address] = about
    for address, about in functions.items():
        above, bus = [], address[5:7]
        while bus in bridges:
            above.insert(0, bridges[bus])
            bus = bridges[bus][5:7]
        about["in"] = above
    return functions


def test_real_h100_server(fixtures):
    functions = from_lspci((fixtures / "nvidia" / "lspci-vvv-h100-node.txt").read_text())
    host = machine(functions)
    started = time.process_time()
    facts = pci.collect(host, {})
    assert time.process_time() - started < 2
    assert facts["function_count"] == 517
    counts = facts["role_counts"]
    assert (counts["gpu"], counts["nvswitch"], counts["nvme"], counts["nic"]) == (8, 4, 8, 14)
    gpus = [device for device in facts["devices"] if device["role"] == "gpu"]
    assert {(gpu["width"], gpu["speed_gts"]) for gpu in gpus} == {(16, 32.0)}
    bridges = [d for d in facts["devices"] if d["role"] == "bridge" and "gpu" in d["leads_to"]]
    assert min(bridge["width"] for bridge in bridges) == 16
    assert all(gpu["switch_nics"] for gpu in gpus)


def from_tar(path):
    """The sysfs tree of a recorded machine, as a machine."""
    files, links = {}, {}
    with tarfile.open(path) as archive:
        for member in archive:
            place = "/" + member.name.split("/", 1)[-1]
            if member.issym():
                links[place] = member.linkname
            elif member.isfile() and "/devices/pci" in place:
                data = archive.extractfile(member).read()
                files[place] = {"b64": base64.b64encode(data).decode()}
    return Replay([{"muster_recording": 1, "closed": True, "files": files, "links": links}])


def test_real_sysfs_of_a_two_socket_server(fixtures):
    host = from_tar(fixtures / "hosttree" / "hwloc-32em64t-2n8c+dax+nvme+mic+dimms.tar.bz2")
    facts = pci.collect(host, {})
    assert facts["function_count"] == 137
    assert {device["lost"] for device in facts["devices"]} == {False}
    roles = {device["role"] for device in facts["devices"]}
    assert {"nic", "bridge"} <= roles
    nics = [device for device in facts["devices"] if device["role"] == "nic"]
    assert all(nic["vendor_id"].startswith("0x") and nic["bar_max_bytes"] for nic in nics)


LINK = {"current_link_width": "4", "max_link_width": "8", "current_link_speed": "8 GT/s", "max_link_speed": "16 GT/s"}
PORT = {"class": "0x060400", "vendor": "0x8086", "max_link_width": "4", "max_link_speed": "8.0 GT/s PCIe"}
KINDS = {"0108": "drive", "0104": "drive", "0107": "drive", "0200": "nic", "0207": "nic"}


@pytest.mark.parametrize(("kind", "role"), KINDS.items())
def test_a_link_is_held_against_what_both_ends_can(kind, role):
    about = {"class": f"0x{kind}02", "vendor": "0x144d", **LINK}
    behind = by_address(machine({"0000:00:01.0": PORT, "0000:01:00.0": {**about, "in": ["0000:00:01.0"]}}))
    device = behind["0000:01:00.0"]
    assert (device["link_role"], device["width_possible"], device["speed_possible_gts"]) == (role, 4, 8.0)
    alone = by_address(machine({"0000:01:00.0": about}))["0000:01:00.0"]
    assert (alone["width_possible"], alone["speed_possible_gts"]) == (8, 16.0)


def test_a_function_without_a_link_is_judged_by_none():
    device = by_address(machine({"0000:01:00.0": {"class": "0x010802", "vendor": "0x144d"}}))["0000:01:00.0"]
    assert (device["link_role"], device["width_possible"]) == ("none", None)


def test_a_link_whose_most_is_not_told_stays_one_that_is_judged():
    odd = {"class": "0x010802", "vendor": "0x144d", **LINK, "max_link_width": "Unknown"}
    device = by_address(machine({"0000:01:00.0": odd}))["0000:01:00.0"]
    assert (device["link_role"], device["width_possible"]) == ("drive", None)


@pytest.mark.parametrize(
    ("fabric", "role"),
    [
        ({}, "nic"),
        ({"driver": "mlx5_core", "device": "^mlx5_[0-9]+$", "pcie_width": 16}, "none"),
        ({"driver": "mlx5_core", "device": "^mlx5_[0-9]+$"}, "nic"),  # nobody else would judge its width
        ({"driver": "mlx5_core", "device": "^mlx5_bond", "pcie_width": 16}, "nic"),
        ({"driver": "bnxt_en", "device": ".", "pcie_width": 16}, "nic"),
        ({"driver": "mlx5_core", "device": "(", "pcie_width": 16}, "nic"),
    ],
)
def test_only_adapters_whose_links_the_profile_states_are_left_to_it(fabric, role):
    about = {**NIC, **LINK, "driver": "mlx5_core", "infiniband/mlx5_0/fw_ver": "1"}
    facts = pci.collect(machine({"0000:01:00.0": about}), pci.wanted({"nic": {"fabric": fabric}}))
    assert [device["link_role"] for device in facts["devices"]] == [role]


def dpc_space(status, length=0x10A, control=0x000A):
    space = bytearray(0x10A)
    space[:2] = b"\x86\x80"
    struct.pack_into("<IHHH", space, 0x100, 1 << 16 | 0x001D, 0, control, status)
    return bytes(space[:length])


@pytest.mark.parametrize(
    ("space", "enabled", "triggered"),
    [
        (dpc_space(0), True, False),
        (dpc_space(1), True, True),
        (dpc_space(0, control=0), False, False),
        (dpc_space(1, length=0x108), None, None),
        (dpc_space(1, length=64), None, None),
        (None, None, None),
    ],
)
def test_a_port_that_is_contained(space, enabled, triggered):
    found = parse.containment(space)
    assert (found["dpc_enabled"], found["dpc_triggered"]) == (enabled, triggered)
