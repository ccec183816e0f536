"""SMBIOS tables: recordings of real machines, tables written for the purpose, and bytes that are no tables."""

from __future__ import annotations

import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.muster.fleet.plugins.module_utils.parse import smbios, smbios_records

GIB = 1 << 30
DUMP_HEAD = 0x20  # `dmidecode --dump-bin` keeps the entry point at the start and the table behind it

# Facts as the index of the recordings states them.
SLOTS = {"dell_r640_smbios.bin": 11, "dell_r740xd_smbios.bin": 4, "quanta_t41_smbios.bin": 3}
REAL = {
    "dell_r640_smbios.bin": (("Dell Inc.", "PowerEdge R640"), ("Dell Inc.", "1.3.7", "2018-02-08"), 2, 8, 24, 2),
    "dell_r740xd_smbios.bin": (
        ("Dell Inc.", "PowerEdge R740xd"),
        ("Dell Inc.", "91.3.7 [137 and debug menu]", "2018-02-08"),
        2,
        16,
        24,
        2,
    ),
    "quanta_t41_smbios.bin": (
        ("Quanta Computer Inc", "QuantaPlex T41S-2U"),
        ("American Megatrends Inc.", "S2S_3A14", "2014-09-18"),
        2,
        16,
        16,
        0,
    ),
}


def structure(kind, body, *strings, handle=0x10):
    texts = b"".join(text + b"\0" for text in strings) or b"\0"
    return struct.pack("<BBH", kind, 4 + len(body), handle) + body + texts + b"\0"


END = structure(127, b"")


def records(*structures, version="3.3"):
    return smbios_records.records(smbios.walk(b"".join(structures) + END), version)


def memory_device(size=0x4000, extended=0, rated=4800, configured=4400, locator=b"A1", array=0x1000, kind=0x22):
    body = struct.pack(
        "<HHHHHBBBBBHHBBBBBIH",
        array,
        0xFFFE,
        72,
        64,
        size,
        9,
        0,
        1,
        0,
        kind,
        0,
        rated,
        2,
        3,
        0,
        4,
        2,
        extended,
        configured,
    )
    return structure(17, body, locator, b"Samsung", b"12345ABC", b"M321R8GA0BB0-CQKZJ  ")


@pytest.mark.parametrize("name", sorted(REAL))
def test_real_machine(fixtures, name):
    data = (fixtures / "smbios" / name).read_bytes()
    found = smbios_records.records(smbios.walk(data[DUMP_HEAD:]), smbios.version(data))
    system, bios, processors, filled, slots, supplies = REAL[name]
    assert (found["system"]["manufacturer"], found["system"]["model"]) == system
    assert (found["bios"]["vendor"], found["bios"]["version"], found["bios"]["date"]) == bios
    assert len(found["processors"]) == processors
    assert (found["memory"]["populated"], found["memory"]["slots"]) == (filled, slots)
    assert sum(dimm["populated"] for dimm in found["dimms"]) == filled
    assert len(found["power_supplies"]) == supplies
    assert found["memory"]["total_bytes"] == 256 * GIB
    assert len(found["slots"]) == SLOTS[name]


def test_real_machine_in_detail(fixtures):
    data = (fixtures / "smbios" / "dell_r640_smbios.bin").read_bytes()
    found = smbios_records.records(smbios.walk(data[DUMP_HEAD:]), smbios.version(data))
    assert found["dimms"][0] == {
        "label": "DIMM A1",
        "locator": "A1",
        "bank": None,
        "manufacturer": "00CE00B300CE",
        "serial": "36C79A5D",
        "part_number": "M393A4K40BB2-CTD",
        "populated": True,
        "size_bytes": 32 * GIB,
        "type": "DDR4",
        "speed_rated_mts": 2666,
        "speed_configured_mts": 2400,
        "rank": 2,
    }
    assert found["power_supplies"][0]["capacity_w"] == 750
    assert found["chassis"]["type"] == "Rack Mount Chassis"
    assert found["system"]["sku"] is None, "SKU=NotProvided is a placeholder"
    assert found["processors"][0]["enabled"] is True
    assert {slot["usage"] for slot in found["slots"]} <= {"in use", "available", None}


def test_table_without_entry_point(fixtures):
    data = (fixtures / "smbios" / "sidero-SuperMicro-Dual-Xeon.dmi").read_bytes()
    assert smbios.version(data) is None
    found = smbios_records.records(smbios.walk(data), None)
    assert (found["system"]["manufacturer"], found["memory"]["populated"]) == ("Supermicro", 16)
    assert found["board"]["asset_tag"] is None, "To be filled by O.E.M."


@pytest.mark.parametrize(
    ("entry", "version"),
    [
        (b"_SM3_\x00\x18\x03\x03\x00\x01\x00" + b"\0" * 12, "3.3"),
        (b"_SM_\x00\x1f\x02\x08" + b"\0" * 23, "2.8"),
        (b"_SM_\x00\x1f", None),
        (b"\x7fELF" + b"\0" * 40, None),
        (b"", None),
        (None, None),
    ],
)
def test_entry_point(entry, version):
    assert smbios.version(entry) == version


@pytest.mark.parametrize(
    ("data", "problem"),
    [
        (structure(1, b"\0" * 20), "the table has no end mark"),
        (b"\x01\x03\x00\x00\x00\x00", "structure at byte 0 says it is 3 bytes long"),
        (structure(1, b"\0" * 23)[:-1] + b"x", "structure 0x0010 (type 1) is cut off"),
        (b"\x11\xff\x00\x11\x00", "structure 0x1100 (type 17) is cut off"),
        (b"", "the table has no end mark"),
        (b"\0" * 4096, "structure at byte 0 says it is 0 bytes long"),
    ],
)
def test_broken_framing_is_said(data, problem):
    assert smbios.walk(data).problems == [problem]


def test_structures_before_the_break_are_kept():
    table = smbios.walk(structure(1, bytes([1]) + b"\0" * 22, b"Maker") + b"\x02\x01\x00\x00")
    assert [found.kind for found in table.structures] == [1]
    assert table.problems


def test_strings_that_are_no_text():
    found = records(structure(1, bytes([1, 2, 0, 9]) + b"\0" * 19, b"M\xfcller\x07 GmbH", b"<script>{{ x }}</script>"))
    assert found["system"]["manufacturer"] == "M\ufffdller  GmbH"
    assert found["system"]["model"] == "<script>{{ x }}</script>"
    assert found["system"]["serial"] is None, "string 9 does not exist"


@pytest.mark.parametrize(
    "text",
    ["Not Specified", "Default string", "To be filled by O.E.M.", "To Be Filled By O.E.M.", "--", "   ", "", "NO DIMM"]
    + [
        "No Module Installed",
        "System Serial Number",
        "0123456789",
        "00000000",
        "FFFFFFFF",
        "........",
        "N/A",
        "Unknown",
    ],
)
def test_placeholders_are_nothing(text):
    assert smbios.meant(text) is None


@pytest.mark.parametrize("text", ["0", "A1", "Dell Inc.", "1.0", "H100", "S2S_3A14 ", "0000A1", "OEMsystems"])
def test_texts_that_mean_something(text):
    assert smbios.meant(text) == text.strip()


@pytest.mark.parametrize(
    ("size", "extended", "bytes_"),
    [
        (0x4000, 0, 16 * GIB),
        (0x8000 | 512, 0, 512 << 10),
        (0x7FFF, 65536, 64 * GIB),
        (0x7FFF, 0x80000000 | 131072, 128 * GIB),
        (0xFFFF, 0, None),
    ],
)
def test_sizes(size, extended, bytes_):
    found = records(memory_device(size, extended))
    assert found["dimms"][0]["populated"] is True
    assert found["dimms"][0]["size_bytes"] == bytes_
    assert found["memory"]["total_bytes"] == bytes_


def test_empty_slot():
    found = records(memory_device(size=0), memory_device(locator=b"A2"))
    assert found["memory"] == {"slots": 2, "populated": 1, "total_bytes": 16 * GIB, "error_correction": None}
    assert {found["dimms"][0][key] for key in ("serial", "part_number", "type", "speed_rated_mts", "size_bytes")} == {
        None
    }


def test_flash_is_no_dimm():
    flash = structure(16, struct.pack("<BBBIHH", 3, 5, 3, 0, 0xFFFE, 1), handle=0x1001)
    found = records(flash, memory_device(array=0x1001), memory_device(locator=b"DIMM_B1"))
    assert [dimm["label"] for dimm in found["dimms"]] == ["DIMM_B1"]


def test_no_memory_device_is_no_memory():
    assert records()["memory"] is None
    assert records()["dimms"] == []


def test_equal_locators_are_told_apart():
    def device(bank):
        body = struct.pack("<HHHHHBBBBB", 0, 0xFFFE, 72, 64, 0x4000, 9, 0, 1, 2, 0x1A)
        return structure(17, body, b"DIMM 0", bank)

    assert [dimm["label"] for dimm in records(device(b"P0"), device(b"P1"))["dimms"]] == ["DIMM 0 (P0)", "DIMM 0 (P1)"]


@pytest.mark.parametrize(
    ("text", "date"),
    [
        ("11/17/2022", "2022-11-17"),
        ("004/21/2021", "2021-04-21"),
        ("01/02/99", "1999-01-02"),
        ("13/45/2021", None),
        ("2021-04-21", None),
        ("", None),
        (None, None),
    ],
)
def test_dates(text, date):
    assert smbios_records.iso_date(text) == date


@pytest.mark.parametrize(
    ("raw", "version", "text"),
    [
        (bytes(range(16)), "3.3", "03020100-0504-0706-0809-0a0b0c0d0e0f"),
        (bytes(range(16)), "2.4", "00010203-0405-0607-0809-0a0b0c0d0e0f"),
        (b"\0" * 16, "3.3", None),
        (b"\xff" * 16, "3.3", None),
    ],
)
def test_uuid(raw, version, text):
    found = records(structure(1, bytes([1, 1, 1, 1]) + raw + b"\x06\0\0", b"Maker"), version=version)
    assert found["system"]["uuid"] == text
    assert ("uuid" in found["system"]["placeholders"]) == (text is None)


def test_core_counts_above_254():
    body = bytearray(b"\0" * 0x2C)
    body[0x01], body[0x14] = 3, 0x41
    body[0x1F], body[0x20], body[0x21] = 0xFF, 0xFF, 0xFF
    struct.pack_into("<HHH", body, 0x26, 288, 280, 576)
    found = records(structure(4, bytes(body)))["processors"][0]
    assert (found["cores"], found["cores_enabled"], found["threads"]) == (288, 280, 576)


def test_hexadecimal_output_of_dmidecode():
    text = """# dmidecode 3.4
SMBIOS 3.3.0 present.

Handle 0x0011, DMI type 17, 18 bytes
\tHeader and Data:
\t\t11 12 11 00 00 10 FE FF 48 00 40 00 00 40 09 00
\t\t01 02
\tStrings:
\t\t41 31 00
\t\tA1
\t\t42 32 00
\t\tB2

Handle 0xFEFF, DMI type 127, 4 bytes
\tHeader and Data:
\t\t7F 04 FF FE
"""
    version, data = smbios.from_dmidecode(text)
    table = smbios.walk(data)
    assert version == "3.3"
    assert table.problems == []
    assert table.structures[0].strings == ("A1", "B2")
    assert smbios_records.records(table, version)["dimms"][0]["label"] == "DIMM A1"


@pytest.mark.parametrize(
    "text", ["", "# No SMBIOS nor DMI entry point found, sorry.\n", "Handle 0x", "garbage \0 \xff"]
)
def test_dmidecode_without_tables(text):
    version, data = smbios.from_dmidecode(text)
    assert version is None
    assert smbios_records.records(smbios.walk(data), version)["system"] is None


@given(st.binary(max_size=600))
def test_any_bytes_are_survived(data):
    table = smbios.walk(data)
    assert len(table.structures) <= len(data) // 4
    smbios_records.records(table, smbios.version(data))


@given(st.sampled_from([0, 1, 2, 3, 4, 16, 17, 38, 39, 43]), st.binary(max_size=120))
def test_any_structure_is_survived(kind, body):
    records(structure(kind, body.ljust(2, b"\0"), b"text"))


TABLES = ("CHASSIS_TYPES", "MEMORY_TYPES", "SLOT_USAGE", "ERROR_CORRECTION", "POWER_SUPPLY_STATUS", "IPMI_INTERFACES")


@pytest.mark.parametrize("name", TABLES)
def test_number_that_a_table_does_not_know_is_shown(name):
    table = getattr(smbios_records, name)
    for number in range(256):
        said = smbios_records.named(table, number)
        assert said == table.get(number, None if number < 3 else f"0x{number:02x}")
    assert smbios_records.named(table, None) is None
