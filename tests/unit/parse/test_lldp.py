from __future__ import annotations

import json

import pytest

from ansible_collections.muster.fleet.plugins.module_utils.parse import lldp

BODY0 = {
    "name": "eth0",
    "via": "LLDP",
    "age": "1 day, 03:21:35",
    "chassis": [
        {
            "id": [{"type": "mac", "value": "00:1c:73:00:00:01"}],
            "name": [{"value": "leaf-1"}],
            "descr": [{"value": "Some NOS"}],
            "mgmt-ip": [{"value": "10.0.0.1"}, {"value": "fe80::1"}],
            "capability": [{"type": "Bridge", "enabled": True}, {"type": "Wlan", "enabled": False}],
        }
    ],
    "port": [{"id": [{"type": "ifname", "value": "Ethernet1"}], "ttl": [{"value": "120"}]}],
    "vlan": [{"vlan-id": "100", "pvid": True}],
}
JSON0 = {"lldp": [{"interface": [BODY0]}]}
SHORT = {
    "via": "LLDP",
    "age": "1 day, 03:21:35",
    "chassis": {
        "leaf-1": {
            "id": {"type": "mac", "value": "00:1c:73:00:00:01"},
            "descr": "Some NOS",
            "mgmt-ip": ["10.0.0.1", "fe80::1"],
            "capability": [{"type": "Bridge", "enabled": True}, {"type": "Wlan", "enabled": False}],
        }
    },
    "port": {"id": {"type": "ifname", "value": "Ethernet1"}, "ttl": "120"},
    "vlan": {"vlan-id": "100", "pvid": True},
}
EXPECTED = {
    "interface": "eth0",
    "chassis_name": "leaf-1",
    "chassis_id": "00:1c:73:00:00:01",
    "system_description": "Some NOS",
    "management_addresses": ["10.0.0.1", "fe80::1"],
    "capabilities": ["Bridge"],
    "port_id": "Ethernet1",
    "port_description": None,
    "age_s": 98495,
    "ttl_s": 120,
    "vlan_ids": [100],
}


@pytest.mark.parametrize(
    "document",
    [
        JSON0,
        {"lldp": {"interface": {"eth0": SHORT}}},
        {"lldp": {"interface": [{"eth0": SHORT}]}},
        {"lldp": [{"interface": [{"eth0": [SHORT]}]}]},
    ],
)
def test_every_shape_says_the_same(document):
    assert lldp.neighbours(document) == [EXPECTED]


def test_two_neighbours_on_one_interface():
    found = lldp.neighbours({"lldp": {"interface": [{"eth0": SHORT}, {"eth0": dict(SHORT, chassis={})}]}})
    assert [entry["interface"] for entry in found] == ["eth0", "eth0"]
    assert found[1]["chassis_name"] is None


@pytest.mark.parametrize("document", [{"lldp": [{}]}, {"lldp": {}}, {"lldp": []}])
def test_nobody_there_is_an_empty_list(document):
    assert lldp.neighbours(document) == []


@pytest.mark.parametrize("document", [None, [], "x", 7, {}, {"interface": []}])
def test_no_answer_of_lldpcli_is_none(document):
    assert lldp.neighbours(document) is None


@pytest.mark.parametrize("rubbish", [None, 7, "x", [], {}, [None], [[1]], {"a": None}, {"value": {"value": []}}, True])
@pytest.mark.parametrize("key", ["chassis", "port", "vlan", "age"])
def test_rubbish_inside_does_not_raise(key, rubbish):
    (found,) = lldp.neighbours({"lldp": [{"interface": [dict(BODY0, **{key: rubbish})]}]})
    assert found["interface"] == "eth0"


def test_hostile_names_stay_text():
    name = "{{ lookup('pipe', 'id') }}<script>"
    document = json.loads(json.dumps(JSON0).replace("leaf-1", name))
    assert lldp.neighbours(document)[0]["chassis_name"] == name


def test_recorded_bluefield(fixtures):
    found = lldp.neighbours(json.loads((fixtures / "nic/lldp-bluefield-json.json").read_text()))
    assert [entry["interface"] for entry in found] == ["oob_net0", "p0", "p1"]
    assert found[0]["management_addresses"] == ["10.180.253.66"]  # text for one, a list for more
    assert len(found[1]["management_addresses"]) == 2


def test_recorded_bond_of_two_switches(fixtures):
    recorded = json.loads((fixtures / "nic/gcm-eth_learn_good.json").read_text())
    found = lldp.neighbours(recorded["lldp_status"])
    expected = {"enp97s0f0": "rscfee5001", "enp225s0f0": "rscfee4001"}
    assert {entry["interface"]: entry["chassis_name"] for entry in found} == expected
    assert all("EOS version 4.24.4M" in entry["system_description"] for entry in found)
