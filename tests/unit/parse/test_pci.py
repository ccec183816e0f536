from __future__ import annotations

import struct

import pytest

from ansible_collections.muster.fleet.plugins.module_utils.parse import pci

LOST = b"\xff" * 256


def space(payload=256, read_request=512, acs=None, size=0x148):
    data = bytearray(size)
    struct.pack_into("<HH", data, 0, 0x10DE, 0x2330)
    data[0x34] = 0x60
    data[0x60:0x62] = bytes([0x05, 0x70])  # another capability first
    control = (payload // 128).bit_length() - 1 << 5 | (read_request // 128).bit_length() - 1 << 12
    struct.pack_into("<BBHIH", data, 0x70, 0x10, 0, 2, 1, control)
    if acs is not None:
        struct.pack_into("<I", data, 0x100, 0x140 << 20 | 1 << 16 | 0x0001)
        struct.pack_into("<IHH", data, 0x140, 1 << 16 | 0x000D, 0x1F, acs)
    return bytes(data)


@pytest.mark.parametrize(
    ("text", "speed"),
    [
        ("16 GT/s", 16.0),
        ("16.0 GT/s PCIe", 16.0),
        ("2.5 GT/s PCIe\n", 2.5),
        ("64.0 GT/s PCIe", 64.0),
        ("Unknown", None),
        ("Unknown speed", None),
        ("", None),
        (None, None),
        ("{{ 7 }} GT/s", None),
    ],
)
def test_link_speed(text, speed):
    assert pci.link_speed(text) == speed


@pytest.mark.parametrize(
    ("text", "width"),
    [("16", 16), ("1\n", 1), ("0", None), ("63", None), ("255", None), ("x16", None), ("", None), (None, None)],
)
def test_link_width(text, width):
    assert pci.link_width(text) == width


@pytest.mark.parametrize(
    ("text", "total"),
    [
        ("RxErr 3\nBadTLP 1\nTOTAL_ERR_COR 4", 4),
        ("Undefined 0\nTOTAL_ERR_FATAL 0\n", 0),
        ("TOTAL_ERR_NONFATAL 18446744073709551615", 18446744073709551615),
        ("RxErr 3\nBadTLP 1", None),
        ("TOTAL_ERR_COR <script>", None),
        ("", None),
        (None, None),
    ],
)
def test_aer_total(text, total):
    assert pci.aer_total(text) == total


def test_bar_sizes():
    unused = "0x0000000000000000 0x0000000000000000 0x0000000000000000\n"
    text = "0x0000214042000000 0x0000214042ffffff 0x000000000014220c\n" + unused
    text += "0x0000210000000000 0x0000211fffffffff 0x000000000014220c\n" + unused * 3 + "0x1 0xffffffffff 0x0\n"
    assert pci.bar_sizes(text) == [16 << 20, 0, 128 << 30, 0, 0, 0]


@pytest.mark.parametrize("text", [None, "", "garbage", "0x1 0x2", "0x" + "f" * 400 + " 0x1 0x1"])
def test_bar_sizes_of_nonsense(text):
    assert pci.bar_sizes(text) is None


def test_config_space_as_root_sees_it():
    facts = pci.config_space(space(256, 4096, acs=0x1D))
    assert facts == {
        "lost": False,
        "max_payload_bytes": 256,
        "max_payload_supported_bytes": 256,
        "max_read_request_bytes": 4096,
        "acs_redirect": True,
    }


@pytest.mark.parametrize(
    ("control", "redirects"), [(0, False), (0x01, False), (0x04, True), (0x08, True), (0x10, True)]
)
def test_acs_redirect(control, redirects):
    assert pci.config_space(space(acs=control))["acs_redirect"] is redirects


def test_function_without_acs_cannot_redirect():
    assert pci.config_space(space())["acs_redirect"] is False


def test_config_space_as_a_plain_user_sees_it():
    facts = pci.config_space(space()[:64])
    assert facts.pop("lost") is False
    assert set(facts.values()) == {None}


def test_function_that_fell_off_the_bus():
    facts = pci.config_space(LOST)
    assert facts.pop("lost") is True
    assert set(facts.values()) == {None}


@pytest.mark.parametrize("data", [None, b"", b"\xde\x10"])
def test_no_config_space(data):
    assert set(pci.config_space(data).values()) == {None}


def test_capabilities_in_a_circle_end():
    data = bytearray(space(acs=0))
    data[0x60:0x62] = bytes([0x05, 0x60])
    struct.pack_into("<I", data, 0x100, 0x100 << 20 | 1 << 16 | 0x0001)
    facts = pci.config_space(bytes(data))
    assert facts["max_payload_bytes"] is None
    assert facts["acs_redirect"] is None
