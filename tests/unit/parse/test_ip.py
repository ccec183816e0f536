from __future__ import annotations

import json

import pytest

from ansible_collections.muster.fleet.plugins.module_utils.parse import ip

ROUTES = (
    "Iface\tDestination\tGateway \tFlags\tRefCnt\tUse\tMetric\tMask\t\tMTU\tWindow\tIRTT\n"
    "bond0\t00000000\t0100010A\t0003\t0\t0\t100\t00000000\t0\t0\t0\n"
    "bond0\t0000010A\t00000000\t0001\t0\t0\t100\t00FFFFFF\t0\t0\t0\n"
    "ib0\t0000640A\t00000000\t0001\t0\t0\t0\t0000FFFF\t0\t0\t0\n"
)
TRIE = """Main:
  +-- 0.0.0.0/0 3 0 5
     |-- 10.1.0.0
        /24 link UNICAST
     |-- 10.1.0.7
        /32 host LOCAL
     |-- 10.100.3.9
        /32 host LOCAL
     |-- 127.0.0.1
        /32 host LOCAL
"""
NONE = "0" * 32


def test_default_route():
    expected = [{"family": "ipv4", "interface": "bond0", "gateway": "10.1.0.1", "metric": 100}]
    assert ip.default_routes(ROUTES) == expected


def test_addresses_from_proc():
    found = ip.addresses_v4(TRIE, ROUTES)
    assert {name: [one["address"] for one in mine] for name, mine in found.items()} == {
        "bond0": ["10.1.0.7"],
        "ib0": ["10.100.3.9"],
    }
    assert found["ib0"][0]["prefix_length"] == 16


def test_v6_default_route_is_not_the_kernels_reject_entry():
    gateway = "fe800000000000000000000000000001"
    text = (
        f"{NONE} 00 {NONE} 00 {gateway} 00000400 00000001 00000000 00000003     eth0\n"
        f"{NONE} 00 {NONE} 00 {NONE} ffffffff 00000001 00000000 00200200       lo\n"
    )
    assert ip.default_routes_v6(text) == [{"family": "ipv6", "interface": "eth0", "gateway": "fe80::1", "metric": 1024}]


def test_v6_addresses():
    found = ip.addresses_v6("fd000000000000000000000000000002 04 40 00 82     eth0\n")
    assert found == {"eth0": [{"family": "ipv6", "address": "fd00::2", "prefix_length": 64, "scope": "global"}]}


@pytest.mark.parametrize(
    "text", ["", "x", "a b c\n" * 5, "eth0 00000000\n", "\ufffd\x00", "x\n" + "z " * 9, ROUTES[:90]]
)
def test_garbage_is_nothing(text):
    assert ip.default_routes(text) == []
    assert ip.default_routes_v6(text) == []
    assert ip.addresses_v6(text) == {}
    assert ip.addresses_v4(text, text) == {}


@pytest.mark.parametrize("document", [None, {}, [], [None], [7], [{}], [{"ifname": 7}], "x"])
def test_ip_json_that_says_nothing(document):
    assert ip.links(document) == {}


def test_recorded_links(fixtures):
    recorded = json.loads((fixtures / "nic/gcm-eth_learn_good.json").read_text())
    links = ip.links(recorded["intf_status"])
    assert {name: link["mtu"] for name, link in links.items()} == dict.fromkeys(
        ("enp97s0f0", "enp225s0f0", "front0"), 9192
    )
    assert [one["family"] for one in ip.addresses(links["front0"])] == ["ipv4", "ipv6", "ipv6"]
