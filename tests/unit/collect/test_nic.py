from __future__ import annotations

import json

import pytest

from ansible_collections.muster.fleet.plugins.module_utils.collect import nic
from ansible_collections.muster.fleet.plugins.module_utils.replay import Replay

NET = "/sys/class/net"
PCI = "/sys/devices/pci0000:00"
LLDP = " ".join(nic.NEIGHBOURS)
ADDRESSES = " ".join(nic.ADDRESSES)
UP = {"flags": "0x1003\n", "type": "1\n", "ifindex": "2\n", "operstate": "up\n", "carrier": "1\n", "mtu": "9000\n"}
PORT = {**UP, "speed": "100000\n", "duplex": "full\n", "carrier_changes": "2\n", "carrier_down_count": "1\n"}
LOOPBACK = {"type": "772\n", "ifindex": "1\n", "flags": "0x9\n", "carrier": "1\n"}


class Machine:
    """A recording in the making: interfaces, RDMA devices, commands."""

    def __init__(self, uid=0, **interfaces):
        self.files = {"/proc/uptime": "864000.00 1.0\n", "/proc/net/route": "Iface\n"}
        self.links = {}
        self.commands = {ADDRESSES: {"stdout": "[]"}, LLDP: {"stdout": '{"lldp": [{}]}'}}
        self.uid = uid
        for name, files in interfaces.items():
            self.interface(name, files, f"{PCI}/0000:00:{len(self.links):02x}.0")

    def interface(self, name, files, device):
        base = f"{device}/net/{name}" if device else f"/sys/devices/virtual/net/{name}"
        self.links[f"{NET}/{name}"] = base
        if device:
            self.links[f"{base}/device"] = device
            self.files[f"{device}/uevent"] = ""
        self.files.update({f"{base}/{file}": text for file, text in files.items()})
        return self

    def says(self, argv, stdout="", **more):
        self.commands[argv] = {"stdout": stdout, **more}
        return self

    def facts(self, wanted=None):
        recording = {"files": self.files, "links": self.links, "commands": self.commands, "identity": {"uid": self.uid}}
        found = nic.collect(Replay([{"muster_recording": 1, "closed": True, **recording}]), wanted or {})
        json.dumps(found, allow_nan=False)
        return found


def port(facts, name="eth0"):
    return next(netdev for netdev in facts["netdevs"] if netdev["name"] == name)


def reasons(facts, source):
    return [error["reason"] for error in facts["errors"] if error["source"] == source]


def test_a_port_that_carries():
    found = port(Machine(eth0={**PORT, "statistics/rx_packets": "999999\n", "statistics/rx_errors": "1\n"}).facts())
    assert (found["kind"], found["carrier"], found["speed_mbps"], found["duplex"]) == ("physical", True, 100000, "full")
    assert (found["carrier_down_count"], found["carrier_down_per_day"]) == (1, 0.1)
    assert found["per_million_packets"]["rx_errors"] == 1.0
    assert found["per_million_packets"]["tx_errors"] is None


def test_a_port_that_is_off_is_not_asked_what_the_kernel_refuses():
    machine = Machine(eth0={**UP, "flags": "0x1002\n", "operstate": "down\n"})
    for file in ("carrier", "speed", "duplex"):
        machine.files[f"{PCI}/0000:00:00.0/net/eth0/{file}"] = {"state": "failed", "detail": "Invalid argument"}
    facts = machine.facts()
    assert (port(facts)["carrier"], port(facts)["speed_mbps"]) == (False, None)
    assert not [error for error in facts["errors"] if error["source"].startswith("/sys")]


@pytest.mark.parametrize("text", ["-1\n", "0\n", "4294967295\n"])
def test_a_speed_that_nobody_knows_is_none(text):
    assert port(Machine(eth0={**PORT, "speed": text}).facts())["speed_mbps"] is None


def test_carrier_losses_of_an_old_kernel():
    old = {name: text for name, text in PORT.items() if name != "carrier_down_count"}
    assert port(Machine(eth0={**old, "carrier_changes": "7\n"}).facts())["carrier_down_count"] == 3


def test_kinds():
    machine = Machine(eth0=PORT, eth1={**PORT, "phys_port_name": "p0\n"}, eth2={**PORT, "phys_port_name": "pf0vf3\n"})
    machine.interface("lo", LOOPBACK, None)
    machine.interface("docker0", {**UP, "uevent": "DEVTYPE=bridge\nINTERFACE=docker0\n"}, None)
    machine.interface("eth0.7", {**UP, "uevent": "DEVTYPE=vlan\n"}, None)
    machine.interface("veth1", UP, None)
    machine.interface("usb0", UP, f"{PCI}/0000:00:14.0/usb1/1-1/1-1:1.0")
    machine.interface("sf0", UP, f"{PCI}/0000:00:15.0/mlx5_core.sf.2")
    machine.interface("hl0", UP, f"{PCI}/0000:00:19.0")
    machine.links["/sys/bus/pci/devices/0000:00:19.0"] = f"{PCI}/0000:00:19.0"
    machine.files[f"{PCI}/0000:00:19.0/vendor"] = "0x1da3\n"
    machine.files[f"{NET}/bonding_masters"] = "bond0\n"
    facts = machine.facts()
    assert {netdev["name"]: netdev["kind"] for netdev in facts["netdevs"]} == {
        "docker0": "bridge",
        "eth0": "physical",
        "eth0.7": "vlan",
        "eth1": "physical",
        "eth2": "representor",
        "hl0": "scale_up",
        "lo": "loopback",
        "sf0": "representor",
        "usb0": "usb",
        "veth1": "virtual",
    }
    assert facts["counts"]["physical"] == 2


def test_virtual_functions_are_counted_and_left_out():
    machine = Machine(eth0=PORT, eth1=PORT)
    machine.links[f"{PCI}/0000:00:02.0/physfn"] = f"{PCI}/0000:00:00.0"
    facts = machine.facts()
    assert [netdev["name"] for netdev in facts["netdevs"]] == ["eth0"]
    assert facts["counts"]["virtual_functions"] == 1


def test_ethtool_that_is_not_there_is_one_error_and_no_module():
    facts = Machine(eth0=PORT, eth1=PORT).facts()
    assert reasons(facts, "ethtool") == ["absent: the program is not installed"]
    assert (port(facts)["module"], port(facts)["pause"], port(facts)["fec"]) == (None, None, None)
    assert facts["counts"]["modules_with_diagnostics"] is None


def test_a_port_without_a_cage_has_no_module_and_no_error():
    declined = {"rc": 1, "stderr": "netlink error: Operation not supported\n"}
    machine = Machine(eth0=PORT).says("ethtool -m eth0", **declined).says("ethtool -a eth0", **declined)
    facts = machine.facts()
    assert port(facts)["module"] == {"present": False, "diagnostics": False}
    assert facts["counts"]["modules_with_diagnostics"] == 0
    assert not reasons(facts, "ethtool -m eth0") + reasons(facts, "ethtool -a eth0")


def test_modules_are_for_root():
    facts = Machine(uid=1000, eth0=PORT).says("ethtool -m eth0", "\tIdentifier : 0x18\n").facts()
    assert port(facts)["module"] is None
    assert reasons(facts, "ethtool -m") == ["denied: only root may read modules and cables"]


def test_a_module_that_hangs_holds_up_nobody_else():
    machine = Machine(eth0=PORT).says("ethtool -m eth0", state="timeout", duration_s=60)
    machine.says("ethtool -i eth0", "driver: ixgbe\nfirmware-version: 1.2\n")
    facts = machine.facts()
    assert (port(facts)["module"], port(facts)["firmware_version"]) == (None, "1.2")
    assert reasons(facts, "ethtool -m eth0") == ["timeout: no end after 5 s"]


def test_a_module_that_makes_no_sense_is_an_error():
    facts = Machine(eth0=PORT).says("ethtool -m eth0", "offset values\n0000: 18 80").facts()
    assert port(facts)["module"] is None
    assert reasons(facts, "ethtool -m eth0")


def test_lldp_that_is_not_there_is_not_nobody():
    machine = Machine(eth0=PORT)
    del machine.commands[LLDP]
    facts = machine.facts()
    assert (facts["lldp"]["neighbours"], port(facts)["neighbours"]) == (None, None)
    assert reasons(facts, "lldpcli") == ["absent: the program is not installed"]


def test_nobody_on_the_wire_is_an_empty_list():
    assert port(Machine(eth0=PORT).facts())["neighbours"] == []


@pytest.mark.parametrize("text", ["", "{", "[]", "[" * 100000, "\ufffd", '{"neighbours": 1}', "null"])
def test_lldp_rubbish_is_an_error(text):
    facts = Machine(eth0=PORT).says(LLDP, text).facts()
    assert port(facts)["neighbours"] is None
    assert reasons(facts, LLDP)


def test_two_neighbours_have_no_single_switch():
    entry = {"name": "eth0", "chassis": [{"name": [{"value": "a"}]}], "port": [{"id": [{"value": "1"}]}]}
    two = {"lldp": [{"interface": [entry, dict(entry, chassis=[{"name": [{"value": "b"}]}])]}]}
    found = port(Machine(eth0=PORT).says(LLDP, json.dumps(two)).facts())
    assert (found["neighbours"], found["switch"], found["switch_port"]) == (["a", "b"], None, None)


def test_addresses_without_iproute():
    machine = Machine(eth0=PORT)
    del machine.commands[ADDRESSES]
    machine.files["/proc/net/if_inet6"] = "fd000000000000000000000000000002 02 40 00 82     eth0\n"
    machine.files["/proc/net/fib_trie"] = "Main:\n     |-- 10.1.0.7\n        /32 host LOCAL\n"
    machine.files["/proc/net/route"] = "Iface\neth0\t0000010A\t00000000\t0001\t0\t0\t0\t00FFFFFF\t0\t0\t0\n"
    facts = machine.facts()
    assert [one["address"] for one in port(facts)["addresses"]] == ["10.1.0.7", "fd00::2"]
    assert reasons(facts, ADDRESSES)


def test_the_default_route_marks_bond_members_and_vlan_parents():
    machine = Machine(eth0=PORT, eth1=PORT)
    machine.links[f"{PCI}/0000:00:00.0/net/eth0/master"] = "/sys/devices/virtual/net/bond0"
    machine.interface("bond0", {**UP, "bonding/mode": "802.3ad 4\n", "bonding/slaves": "eth0\n"}, None)
    machine.interface("bond0.7", {**UP, "uevent": "DEVTYPE=vlan\n"}, None)
    vlan = {"ifname": "bond0.7", "link": "bond0", "linkinfo": {"info_kind": "vlan", "info_data": {"id": 7}}}
    machine.says(ADDRESSES, json.dumps([vlan]))
    machine.files["/proc/net/route"] = "Iface\nbond0.7\t00000000\t0100010A\t0003\t0\t0\t0\t00000000\t0\t0\t0\n"
    facts = machine.facts()
    leading = {netdev["name"]: netdev["default_route"] for netdev in facts["netdevs"]}
    assert leading == {"bond0": True, "bond0.7": True, "eth0": True, "eth1": False}
    assert port(facts, "bond0.7")["vlan_id"] == 7


def test_lacp_is_told_to_root_only():
    machine = Machine(uid=1000)
    bonding = {"bonding/mode": "802.3ad 4\n", "bonding/slaves": "", "bonding/ad_partner_mac": "\n"}
    machine.interface("bond0", {**UP, **bonding, "bonding/ad_aggregator": "\n"}, None)
    (bond,) = machine.facts()["bonds"]
    assert (bond["partner_mac"], bond["partner_answers"], bond["active_aggregator_id"]) == (None, None, None)
    assert (bond["members"], bond["switches"]) == ([], None)


def test_more_ports_than_are_asked():
    facts = Machine(**{f"eth{number}": PORT for number in range(40)}).says("ethtool -i eth0", "driver: x\n").facts()
    assert "only the first 32 of 40 ports were asked" in reasons(facts, "ethtool")
    assert facts["counts"]["modules_with_diagnostics"] is None


RUBBISH = [
    "",
    "\n",
    "garbage",
    "\x00\x01",
    "9" * 400,
    "9" * 5000,
    "-1",
    "{{ 7*7 }}<script>",
    {"b64": "//79/A=="},
    {"state": "denied"},
]


@pytest.mark.parametrize("rubbish", RUBBISH, ids=lambda value: repr(value)[:20])
def test_rubbish_in_any_file_or_answer(rubbish):
    whole = Machine(eth0={**PORT, "statistics/rx_packets": "1\n"})
    whole.interface("bond0", {**UP, "bonding/mode": "802.3ad 4\n", "bonding/slaves": "eth0\n"}, None)
    whole.says("ethtool -m eth0", "x").says("ethtool -g eth0", "x").says("devlink -j dev info", "{}")
    for path in list(whole.files):
        kept, whole.files[path] = whole.files[path], rubbish
        assert whole.facts()["netdevs"] is not None
        whole.files[path] = kept
    if not isinstance(rubbish, dict) or "b64" in rubbish:
        for argv in list(whole.commands):
            kept, whole.commands[argv] = whole.commands[argv], {"stdout": rubbish}
            assert whole.facts()["netdevs"]
            whole.commands[argv] = kept
