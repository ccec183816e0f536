from __future__ import annotations

import pytest

from ansible_collections.muster.fleet.plugins.module_utils.parse import hl_smi

HEAD = "index, bus_id, temperature.aip [C], serial\n"


def test_table():
    assert hl_smi.table(HEAD + "0, 0000:19:00.0, 31, AP1\n1, 0000:1a:00.0, 32 C, N/A\n") == [
        {"index": "0", "bus_id": "0000:19:00.0", "temperature.aip": "31", "serial": "AP1"},
        {"index": "1", "bus_id": "0000:1a:00.0", "temperature.aip": "32 C"},
    ]


def test_warnings_above_and_broken_rows():
    assert hl_smi.table(
        "WARN: log folder, not writable\n" + HEAD + "0, 0000:19:00.0\n\n2, 0000:33:00.0, 30, AP3\n"
    ) == [{"index": "2", "bus_id": "0000:33:00.0", "temperature.aip": "30", "serial": "AP3"}]


@pytest.mark.parametrize(
    "text", ["", "garbage", "bus_id", "\ufffd,\ufffd", "bus_id" + "," * 200000, '"bus_id,' + "x" * 200000]
)
def test_nonsense_is_no_table(text):
    assert hl_smi.table(text) == []


@pytest.mark.parametrize(
    ("cell", "number"),
    [("98304 MiB", 98304), ("27 C", 27), ("27", 27), ("0 %", 0), ("0%", 0), ("80.5 W", 80.5)]
    + [("", None), (None, None), ("27x", None), ("{{ 1 }}", None)],
)
def test_number(cell, number):
    assert hl_smi.number(cell) == number


def test_mebibytes():
    assert hl_smi.mebibytes("131072 MiB") == 128 << 30
    assert hl_smi.mebibytes(None) is None


@pytest.mark.parametrize(
    ("cell", "address"), [("0000:B3:00.0", "0000:b3:00.0"), ("b3:00.0", None), ("", None), (None, None)]
)
def test_address(cell, address):
    assert hl_smi.address(cell) == address


def test_ports():
    text = "port  0:\tUP\nport 10:        DOWN\nport  8: external\nport x: UP\nError: port 3: UP?\n"
    assert hl_smi.ports(text) == {0: "up", 10: "down", 8: "external"}


@pytest.mark.parametrize(
    ("text", "release"),
    [
        ("hl-gaudi3-1.21.0-fw-59.2.1-sec-9", "1.21.0"),
        ("Preboot version hl-gaudi2-1.20.0-fw-58.0.0-sec-9 (Jan 16 2025 - 17:51:04)", "1.20.0"),
        ("1.20.0-bd87f71", "1.20.0"),
        ("fw", None),
        (None, None),
    ],
)
def test_release(text, release):
    assert hl_smi.release(text) == release


def test_recorded_gaudi_2(fixtures):
    rows = hl_smi.table((fixtures / "gaudi" / "hl-smi-gaudi2-8.csv").read_text())
    assert len(rows) == 8
    assert [row["module_id"] for row in rows] == list("34567012")
    assert {hl_smi.mebibytes(row["memory.total"]) for row in rows} == {98304 << 20}
    assert hl_smi.number(rows[7]["temperature.aip"]) == 34
