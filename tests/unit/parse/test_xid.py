"""NVIDIA's error lines in all the forms that drivers have printed them."""

from __future__ import annotations

import pytest

from ansible_collections.muster.fleet.plugins.module_utils.parse import kernel_events, kernel_patterns, kmsg, xid

# Every number that NVIDIA's Xid catalogue for Ampere and newer (October 2025, up to 172) does not call unused. Whatever
# subset a tool looks for, NVIDIA's own health validation with its 47 Xid checks among them, is a part of it.
IN_USE = [
    *(8, 11, 13, 25, 31, 32, 37, 38, 39, 40, 41, 43, 44, 45, 46, 48, 54, 60, 62, 63, 64, *range(66, 73)),
    *(74, 75, 76, 77, 78, 79, 80, 82, 83, 84, 85, 86, 88, 89, *range(92, 108), 109, 110, 119, 120, 121),
    *(*range(126, 138), 139, 140, 141, 142, 143, *range(144, 173)),
]
# What NVIDIA answers with a reset of the GPU, a restart of the machine or its support, before anything else runs.
ACT_AT_ONCE = [
    *(46, 48, 54, 62, 64, 74, 79, 95, 109, 110, 119, 120, 136, 140, 143, *range(144, 151), 151, 155, 157, 158, 161),
    *(167, 168, 169, 171, 172),
]
APPLICATION = [11, 13, 25, 31, 43, 45, 69, 137]  # the GPU stays healthy
OLDER_BOARDS = (56, 57, 58, 59, 61, 65, 81, 108, 118, 122, 123, 124, 125)


@pytest.mark.parametrize("code", [*IN_USE, *OLDER_BOARDS])
def test_number_is_known(code):
    entry = xid.XID[code]
    assert entry.severity in ("critical", "warning", "info")
    assert entry.meaning
    assert entry.action
    report = xid.xid(f"NVRM: Xid (PCI:0000:1b:00): {code}, pid=1, name=x, details")
    assert (report.code, report.known, report.severity) == (code, True, entry.severity)


@pytest.mark.parametrize("code", ACT_AT_ONCE)
def test_number_that_wants_a_reset_is_critical(code):
    assert xid.XID[code].severity == "critical"


@pytest.mark.parametrize("code", APPLICATION)
def test_number_of_an_application_is_information(code):
    assert xid.XID[code].severity == "info"


@pytest.mark.parametrize(
    ("line", "code", "address"),
    [
        ("NVRM: Xid (PCI:0000:9b:00): 119, pid=2024380, name=nvidia-smi, Timeout after 6s", 119, "0000:9b:00.0"),
        ("NVRM: Xid (PCI:0000:06:00): 79, GPU has fallen off the bus.", 79, "0000:06:00.0"),
        ("NVRM: Xid (PCI:0000:4E:00): 79, pid='<unknown>', name=<unknown>, GPU has fallen off", 79, "0000:4e:00.0"),
        ("NVRM: Xid (0000:03:00): 6, PE0001", 6, "0000:03:00.0"),
        ("NVRM: Xid (PCI:0000:41:00 GPU-I:03): 13, pid=9, Graphics Exception", 13, "0000:41:00.0"),
        ("NVRM: Xid (PCI:0009:01:00): 149, NETIR_LINK_EVT Fatal XC0 i0 Link 05", 149, "0009:01:00.0"),
        ("NVRM: Xid (PCI:00000000:1b:00): 31, Ch 00000010", 31, "0000:1b:00.0"),
        ("NVRM: Xid (PCI:0000:1b:00): 62", 62, "0000:1b:00.0"),
    ],
)
def test_forms(line, code, address):
    report = xid.xid(line)
    assert (report.code, report.address) == (code, address)


@pytest.mark.parametrize(
    "line",
    [
        "",
        "NVRM: Xid",
        "NVRM: Xid (PCI:zz): 79",
        "NVRM: loading NVIDIA UNIX x86_64 Kernel Module 580.105.08",
        "a program called NVRM: Xid (PCI:0000:06:00): 79, mocks us",
        "NVRM: Xid (PCI:0000:06:00): seventy-nine",
    ],
)
def test_not_an_xid(line):
    assert xid.xid(line) is None


def test_fixed_by_the_rest_of_the_line():
    link = "NVRM: Xid (PCI:0008:01:00): 145, RLW_REMAP_ERR {} XC0 i0 Link 01"
    assert xid.xid(link.format("Fatal")).severity == "critical"
    assert xid.xid(link.format("Nonfatal")).severity == "warning"
    change = "NVRM: Xid (PCI:0000:1b:00): 154, GPU recovery action changed from 0x0 (None) to {}"
    asked = xid.xid(change.format("0x2 (Node Reboot Required)"))
    assert (asked.severity, asked.meaning) == ("critical", "the driver asks for: Node Reboot Required")
    assert xid.xid(change.replace("0x0 (None)", "0x1 (GPU Reset Required)").format("0x0 (None)")).severity == "info"


def test_unknown_number_is_kept_apart():
    report = xid.xid("NVRM: Xid (PCI:0000:1b:00): 931, pid=1, name=x, new")
    assert not report.known
    assert report.severity == "warning"


def test_sxid():
    fatal = xid.sxid("nvidia-nvswitch1: SXid (PCI:0000:06:00.0): 20034, Fatal, Link 48 LTSSM Fault Up")
    assert (fatal.code, fatal.device, fatal.severity, fatal.address) == (20034, "nvswitch1", "critical", "0000:06:00.0")
    mild = xid.sxid("nvidia-nvswitch3: SXid (PCI:0000:05:00.0): 12028, Non-fatal, Link 32 egress PRIV error (First)")
    assert mild.severity == "warning"
    assert xid.sxid("nvidia-nvswitch2: SXid (PCI:0000:07:00.0): 20034, Severity 1 Engine instance 60") is None
    assert xid.sxid("nvidia-nvswitch0: SXid (PCI:0000:05:00.0): 20034, Data {0x10000000, 0x0}") is None


def test_recorded_gsp_timeouts(fixtures):
    seen = kernel_events.events(kmsg.dmesg((fixtures / "nvidia" / "dmesg-xid119.log").read_bytes(), None))
    assert [(event["family"], event["code"], event["count"]) for event in seen] == [("xid", "119", 5)]
    assert seen[0]["pci_address"] == "0000:9b:00.0"


def test_table_has_nothing_that_this_file_does_not_name():
    video = {14, 47}  # a test error, and a video encoder that only some boards have
    assert set(xid.XID) == {*IN_USE, *OLDER_BOARDS, *video}


@pytest.mark.parametrize(("family", "least"), [("amdgpu", 14), ("habanalabs", 7), ("nvidia", 4), ("mlx5", 4)])
def test_other_drivers_have_their_messages(family, least):
    rows = [kind for kind in kernel_patterns.KINDS if kind.family == family]
    assert len(rows) >= least
    assert all(row.severity and row.code and row.meaning and row.action for row in rows)
