"""The tables of kernel messages: every row is reached, names its device whole, and good machines reach none."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import yaml

from ansible_collections.muster.fleet.plugins.module_utils.parse import kernel_events, kernel_kind, kernel_patterns
from ansible_collections.muster.fleet.plugins.module_utils.parse.kernel_said import GRADES, TOLD, found, notes
from ansible_collections.muster.fleet.plugins.module_utils.parse.kmsg import Line
from ansible_collections.muster.fleet.plugins.plugin_utils import catalogue

from .test_kmsg import SAMPLES, TROUBLE

HERE = Path(__file__).parent
HEALTHY = yaml.safe_load((HERE / "healthy_lines.yml").read_text())
ADDRESS = re.compile(kernel_kind.ADDRESS)
SHORT = re.compile(r"\[([0-9a-f]{2}:[0-9a-f]{2}\.[0-7])\]")
LINES = sorted({*TROUBLE, *(line for lines in SAMPLES.values() for line in lines)})
XIDS = ["NVRM: Xid (PCI:0008:9B:00): 79, GPU has fallen off", "nvidia-nvswitch1: SXid (PCI:0000:06:00.0): 20034, Fatal"]


def read(text, level=3):
    seen = kernel_events.events([Line(1.0, None, level, text)])
    return seen[0] if seen else None


def first_row(text):
    return next((row for row in kernel_patterns.KINDS if kernel_patterns.matches(row, text)), None)


@pytest.mark.parametrize(("name", "text"), [(name, text) for name, lines in SAMPLES.items() for text in lines])
def test_a_line_is_taken_for_what_it_is(name, text):
    kind, _, severity = name.partition("/")
    event = read(text)
    assert f"{event['family']}.{event['code']}" == kind
    assert event["known"]
    assert not severity or event["severity"] == severity


@pytest.mark.parametrize("row", kernel_patterns.KINDS, ids=lambda row: f"{row.family}-{row.code}-{row.needle}")
def test_every_row_is_the_first_for_a_line(row):
    assert row in [first_row(text) for text in LINES]


@pytest.mark.parametrize("text", [*LINES, *XIDS])
def test_a_label_holds_the_whole_address_of_its_line(text):
    event = read(text)
    if event is None:
        return
    addresses = [each.lower() for each in ADDRESS.findall(text)] or [f"0000:{each}" for each in SHORT.findall(text)]
    if addresses:
        assert event["pci_address"] in addresses
        assert event["pci_address"] in event["label"]
        rest = event["label"].replace(event["pci_address"], "").replace(addresses[0], "")
        assert event["pci_address"].partition(":")[0] not in re.findall(r"\w+", rest)  # no piece of it besides


def test_two_sick_adapters_are_two_findings():
    texts = [f"mlx5_core 0000:{bus}:00.0: poll_health:803:(pid 0): Fatal error 1 detected" for bus in ("18", "29")]
    seen = kernel_events.events([Line(1.0, None, 3, text) for text in texts])
    assert len(set(found(seen, True)["mlx5"]["critical"])) == 2


@pytest.mark.parametrize(("klass", "level", "text"), [(k, *row) for k, rows in HEALTHY.items() for row in rows])
def test_good_machines_are_quiet(klass, level, text):
    assert read(text, level) is None


def test_what_follows_an_xid_in_a_recording_is_explained(fixtures):
    rows = (fixtures / "nvidia" / "dmesg-xid119.log").read_text().splitlines()
    seen = kernel_events.events([Line(1.0, None, 3, row.partition("] ")[2]) for row in rows])
    assert {event["family"] for event in seen} == {"xid"}


@pytest.mark.parametrize(
    ("family", "text"),
    [
        ("nvidia", "NVRM: kfooBar_GB100: the frobnicator is stuck"),
        ("nvidia", "nvidia-nvswitch1: register access to 0x1 was refused"),
        (
            "nvidia",
            "NVRM: nvAssertOkFailedNoLog: Assertion failed: Bogus [NV_ERR_SOMETHING_NEW] (0x99) returned from x",
        ),
        ("amdgpu", "amdgpu 0000:c1:00.0: amdgpu: the frobnicator is stuck"),
        ("amdgpu", "[drm:frob [amdgpu]] *ERROR* stuck"),
        ("habanalabs", "habanalabs hl4: the frobnicator is stuck"),
        ("habanalabs", "accel accel4: the frobnicator is stuck"),
        ("fabric", "mlx5_core 0000:18:00.0: frob:12:(pid 9): the frobnicator is stuck"),
        ("fabric", "bnxt_en 0000:41:00.0 enp65s0f0np0: the frobnicator is stuck"),
        ("fabric", "infiniband ionic_0: the frobnicator is stuck"),
        *(
            ("fabric", f"{driver} 0000:41:00.0: the frobnicator is stuck")
            for driver in ("pds_core", "gve", "tg3", "ixgbe", "igb", "bnx2x", "nvme_rdma")
        ),
        ("host", "arm-smmu-v3 arm-smmu-v3.5.auto: the frobnicator is stuck"),
        ("host", "AMD-Vi: the frobnicator is stuck"),
        ("host", "DMAR: the frobnicator is stuck"),
        ("host", "EXT4-fs (md0): the frobnicator is stuck"),
        ("host", "XFS (md1): the frobnicator is stuck"),
        ("host", "BTRFS: the frobnicator is stuck"),
        ("host", "FAT-fs (nvme0n1p1): the frobnicator is stuck"),
        ("host", "PANIC: the frobnicator is stuck"),
        ("host", "device-mapper: raid: the frobnicator is stuck"),
        ("host", "md/raid1:md0: the frobnicator is stuck"),
        ("host", "md: the frobnicator is stuck"),
        ("host", "nvme nvme1: the frobnicator is stuck"),
        ("host", "nvme1n1: the frobnicator is stuck"),
        ("host", "sd 0:0:3:0: [sda] the frobnicator is stuck"),
        ("host", "LustreError: 4211:0:(file.c:12:frob()) the frobnicator is stuck"),
        ("host", "LNetError: 4211:0:(file.c:12:frob()) the frobnicator is stuck"),
        ("host", "libceph: the frobnicator is stuck"),
        ("host", "ceph: the frobnicator is stuck"),
        # neither what good machines fail to read nor what follows another line
        ("amdgpu", "amdgpu 0000:c1:00.0: amdgpu: failed to set power limit"),
        ("amdgpu", "amdgpu 0000:c1:00.0: amdgpu: failed to read temperature: device is dead"),
        ("fabric", "mlx5_core 0000:18:00.0: failed to read eeprom: link lost"),
        ("host", "nvme nvme1: failed to read power state: timed out"),
        (
            "nvidia",
            "NVRM: GPU1 rpcRmApiControl_GSP: GspRmControl failed: hClient=0xc1d00001; status=0x00000065",
        ),
    ],
)
def test_an_error_that_no_row_knows_is_shown(family, text):
    event = read(text)
    assert (event["family"], event["known"]) == (family, False)
    (said,) = found([event], True)[family]["unknown"]
    assert text[:150] in said
    assert read(text, 4) is None
    assert read(text, 2)["family"] == "kernel"


def test_without_levels_nothing_is_said_of_unexplained_lines():
    table = found([], True, levels=False)
    assert table["nvidia"]["unknown"] is None
    assert table["kernel"]["unknown"] is None
    assert table["nvidia"]["critical"] == []
    assert table["xid"]["unknown"] == []


def test_every_grade_of_every_family_is_judged_by_a_check():
    read_by_checks = {str(check.get("subject")) for check in catalogue.checks()}
    graded = {(row.family, row.severity) for row in kernel_patterns.KINDS}
    graded |= {("xid", grade) for grade in GRADES} | {("sxid", "critical"), ("sxid", "warning")}
    graded |= {(family, "unknown") for family in ("nvidia", "amdgpu", "habanalabs", "fabric", "host", "kernel")}
    graded |= {("spread", "warning"), ("rate", "warning")}
    missing = [
        f"{family}.{grade}"
        for family, grade in sorted(graded)
        if f"log.found.{family}.{grade}" not in read_by_checks and (grade != "info" or family in TOLD)
    ]
    assert not missing
    assert "log.notes" in read_by_checks  # has the information of all other families


def test_what_stays_is_named_as_the_table_names_it():
    names = {row.family for row in kernel_patterns.KINDS} | {
        f"{row.family}.{row.code}" for row in kernel_patterns.KINDS
    }
    assert names | {"kernel", "spread", "rate"} >= kernel_patterns.STAYS
    assert names >= set(kernel_patterns.ESCALATES)
    for recovery in kernel_patterns.RECOVERIES:
        assert recovery.family == "xid" or {f"{recovery.family}.{code}" for code in recovery.codes} <= names


NOTED = [line for name in ("habanalabs.ecc_corrected", "driver.probe_failed/info") for line in SAMPLES[name]]


@pytest.mark.parametrize("text", NOTED)
def test_information_is_noted(text):
    assert len(notes([read(text)], True)) == 1
