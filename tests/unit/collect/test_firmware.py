"""Firmware facts of simulated nodes, of plain users, and of machines that answer nonsense."""

from __future__ import annotations

import base64
import sys
from pathlib import Path

import pytest

from ansible_collections.muster.fleet.plugins.module_utils.collect import firmware, firmware_parts
from ansible_collections.muster.fleet.plugins.module_utils.host import Asked
from ansible_collections.muster.fleet.plugins.module_utils.replay import Replay

sys.path.insert(0, str(Path(__file__).resolve().parents[3] / "lab"))

from builder import firmware as rendered
from builder.node import NODES
from builder.recording import Recording

TABLE = "/sys/firmware/dmi/tables/DMI"
ENTRY = "/sys/firmware/dmi/tables/smbios_entry_point"
ID = "/sys/class/dmi/id"
SECURE_BOOT = f"{firmware.EFIVARS}/SecureBoot-{firmware.EFI_GLOBAL}"
CPUS = "processor\t: 0\nphysical id\t: {}\nmodel name\t: X\nmicrocode\t: {}\n\n"


def node(klass="hgx_h100"):
    found = next(node for node in NODES if node.klass == klass)
    recording = Recording(found)
    rendered.render(found, recording)
    recording.file("/proc/cpuinfo", CPUS.format(0, "0x2b1") + CPUS.format(1, "0x2b1"))
    return recording


def collect(recording):
    return firmware.collect(Replay([recording.document]), {})


def machine(files=None, links=None, uid=0, **more):
    document = {"muster_recording": 1, "closed": True, "identity": {"uid": uid, "now": 0.0}, "files": files or {}}
    return Replay([{**document, "links": links or {}, **more}])


def said(facts):
    return " ".join(f"{error['source']}: {error['reason']}" for error in facts["errors"])


def test_everything():
    facts = collect(node())
    assert facts["errors"] == []
    assert (facts["source"], facts["state"], facts["smbios_version"]) == ("smbios", "complete", "3.6")
    assert facts["system"]["model"] == "SIM-HGX-H100"
    assert facts["system"]["placeholders"] == []
    assert facts["memory"] == {
        "slots": 32,
        "populated": 32,
        "total_bytes": 2 << 40,
        "error_correction": "multi-bit",
    }
    assert facts["tpm"] == {"present": True, "driver": True, "version": "2.0", "firmware": "7.85", "vendor": "IFX"}
    assert facts["bmc"]["firmware"] == "1.14"
    assert (facts["boot_mode"], facts["secure_boot"], facts["setup_mode"]) == ("efi", True, False)
    kinds = [part["kind"] for part in facts["components"]]
    assert {kind: kinds.count(kind) for kind in kinds} == {"bios": 1, "bmc": 1, "tpm": 1, "cpu_microcode": 2, "nvme": 6}
    assert {part["state"] for part in facts["components"]} == {"running"}
    assert sorted(model["count"] for model in facts["models"]) == [2, 4]


def test_plain_user_gets_names_and_is_told_so():
    recording = node()
    for path in (TABLE, ENTRY, f"{rendered.ID}/product_serial", f"{rendered.ID}/product_uuid"):
        recording.refuse(path)
    recording.identity(uid=1000)
    facts = collect(recording)
    assert (facts["source"], facts["state"]) == ("dmi id", "partial")
    assert facts["bios"]["version"] == "2.1"
    assert facts["bios"]["date"] == "2026-03-14"
    assert facts["system"]["serial"] is None
    assert facts["system"]["placeholders"] is None, "unreadable is not the same as blank"
    assert facts["chassis"]["type"] == "Rack Mount Chassis"
    assert facts["dimms"] is None
    assert facts["processors"] is None
    assert "denied" in said(facts)
    assert "partial" in said(facts)


def test_placeholders_without_tables():
    files = {f"{ID}/{name}": text for name, text in [("sys_vendor", "Default string"), ("product_name", "X1")]}
    files.update({f"{ID}/product_serial": "--", f"{ID}/product_uuid": "4c4c4544-0044-4a10-8044-b1c04f4c4e32"})
    facts = firmware.collect(machine(files), {})
    assert facts["system"]["placeholders"] == ["manufacturer", "serial"]


def test_no_smbios_at_all():
    facts = firmware.collect(machine(), {})
    assert facts["state"] == "none"
    assert facts["system"] is None
    assert "no SMBIOS information" in said(facts)
    assert facts["boot_mode"] is None, "where /sys/firmware is hidden nothing is known"
    assert facts["secure_boot"] is None
    assert facts["tpm"]["present"] is None


def test_dmidecode_where_sysfs_has_no_tables():
    rows = "SMBIOS 3.3.0 present.\n\nHandle 0x0000, DMI type 0, 24 bytes\n\tHeader and Data:\n"
    rows += "\t\t00 18 00 00 01 02 00 F0 03 FF 90 9A E9 59 00 00\n\t\t1F 00 03 0F 01 03 FF FF\n\tStrings:\n"
    rows += (
        "\t\t44 65 6C 6C 00\n\t\tDell\n\t\t31 2E 33 00\n\t\t1.3\n\t\t30 32 2F 30 38 2F 32 30 31 38 00\n\t\t02/08/2018\n"
    )
    rows += "\nHandle 0xFEFF, DMI type 127, 4 bytes\n\tHeader and Data:\n\t\t7F 04 FF FE\n"
    answer = {"dmidecode -u": {"rc": 0, "stdout": rows}}
    facts = firmware.collect(machine(commands=answer), {})
    assert (facts["source"], facts["state"]) == ("dmidecode", "complete")
    assert facts["bios"]["version"] == "1.3"
    assert firmware.collect(machine(commands=answer, uid=1000), {})["source"] is None, "root only"


@pytest.mark.parametrize(
    ("data", "state"),
    [
        (b"\0" * 64, "none"),
        (b"\xff" * 4096, "none"),
        (b"\x01\x1b\x00\x00" + b"\x01" * 23 + b"Maker\0\0", "partial"),
        (b"<html>{{ x }}</html>", "none"),
    ],
)
def test_damaged_tables(data, state):
    facts = firmware.collect(machine({TABLE: {"b64": base64.b64encode(data).decode()}, ENTRY: "_SM3_"}), {})
    assert facts["state"] == state
    assert "no SMBIOS entry point" in said(facts)


@pytest.mark.parametrize(
    ("content", "value", "complaint"),
    [
        (b"\6\0\0\0\1", True, None),
        (b"\6\0\0\0\0", False, None),
        (b"\1", None, "1 bytes are no EFI flag"),
        (b"\6\0\0\0\7", None, "5 bytes are no EFI flag"),
        (b"", None, "0 bytes are no EFI flag"),
    ],
)
def test_attribute_bytes_come_first(content, value, complaint):
    recording = node()
    recording.file(SECURE_BOOT, content)
    facts = collect(recording)
    assert facts["secure_boot"] is value
    assert complaint is None or complaint in said(facts)


def test_efi_variables_that_cannot_be_read():
    recording = node()
    recording.refuse(SECURE_BOOT)
    facts = collect(recording)
    assert facts["secure_boot"] is None
    assert "denied" in said(facts)
    recording.remove(firmware.EFIVARS)
    assert "efivarfs is not mounted" in said(collect(recording))


def test_legacy_boot_checks_no_signatures():
    facts = firmware.collect(machine({"/sys/firmware/acpi/tables/DSDT": ""}), {})
    assert (facts["boot_mode"], facts["secure_boot"]) == ("legacy", False)
    assert facts["tpm"]["present"] is False, "ACPI was read and offers none"


def test_microcode_that_differs_within_a_package():
    cpuinfo = CPUS.format(0, "0x1") + CPUS.format(0, "0x2") + CPUS.format(1, "0x1")
    found = firmware_parts.microcode(Asked(machine({"/proc/cpuinfo": cpuinfo})))
    assert [(one["label"], one["revision"]) for one in found] == [
        ("CPU package 0", "0x1"),
        ("CPU package 0", "0x2"),
        ("CPU package 1", "0x1"),
    ]


@pytest.mark.parametrize(
    "text", ["", "processor\t: 0\nCPU part\t: 0xd4f\n", "physical id: x\nmicrocode: 0x1\n", "\0\xff"]
)
def test_no_microcode(text):
    assert firmware_parts.microcode(Asked(machine({"/proc/cpuinfo": text}))) is None


def test_no_ipmi_device_is_a_fact():
    facts = firmware.collect(machine(), {})
    assert facts["bmc"]["ipmi_device"] is False
    assert "ipmi" not in said(facts)


def test_adapters_and_accelerators():
    nic = "/sys/devices/pci0000:15/0000:18:00.0"
    card, accel = "/sys/devices/pci0000:00/0000:05:00.0", "/sys/devices/pci0000:00/0000:19:00.0"
    host = machine(
        {
            f"{nic}/infiniband/mlx5_0/fw_ver": "28.43.2026\n",
            f"{nic}/infiniband/mlx5_0/hca_type": "MT4129\n",
            f"{nic}/infiniband/mlx5_0/board_id": "MT_0000000838\n",
            "/sys/class/infiniband/rxe0/fw_ver": "\n",
            f"{card}/vbios_version": "113-M3000100-102\n",
            f"{accel}/fw_os_ver": "hl-gaudi3-1.21.0-fw-59.2.1\n",
            f"{accel}/device_type": "GAUDI3\n",
            f"{accel}/pci_addr": "0000:19:00.0\n",
        },
        {
            "/sys/class/infiniband/mlx5_0": f"{nic}/infiniband/mlx5_0",
            f"{nic}/infiniband/mlx5_0/device": nic,
            "/sys/class/drm/card1/device": card,
            "/sys/class/accel/accel0/device": accel,
        },
    )
    facts = firmware.collect(host, {})
    parts = {part["label"]: part for part in facts["components"]}
    assert parts["mlx5_0"]["name"] == "MT4129 MT_0000000838"
    assert parts["mlx5_0"]["address"] == "0000:18:00.0"
    assert (parts["rxe0"]["version"], parts["rxe0"]["state"]) == (None, "unknown")
    assert parts["GPU 0000:05:00.0 VBIOS"]["version"] == "113-M3000100-102"
    assert parts["accel0 fw_os"]["address"] == "0000:19:00.0"


def test_a_drive_without_version_makes_its_model_unknown():
    recording = node()
    drive = next(path for path in recording.document["files"] if path.endswith("nvme5/firmware_rev"))
    recording.file(drive, "        \n")
    versions = {model["count"]: model["versions"] for model in collect(recording)["models"]}
    assert versions == {2: ["GDC7502Q"], 4: None}


@pytest.mark.parametrize(
    ("shown", "online", "known"), [(4, "0-3", True), (2, "0-3", False), (3, "0-1,4-5", False), (2, None, True)]
)
def test_processors_that_are_not_shown_leave_their_microcode_unknown(shown, online, known):
    cpu = "processor\t: {0}\nphysical id\t: 0\nmodel name\t: X\nmicrocode\t: 0x2b\n"
    files = {"/proc/cpuinfo": "\n".join(cpu.format(number) for number in range(shown))}
    files |= {} if online is None else {"/sys/devices/system/cpu/online": f"{online}\n"}
    machine = Replay([{"muster_recording": 1, "closed": True, "identity": {"now": 0.0, "uid": 0}, "files": files}])
    revisions = [entry["revision"] for entry in firmware.collect(machine, {})["microcode"]]
    assert revisions == (["0x2b"] if known else ["0x2b", None])
