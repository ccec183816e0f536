"""Renders SMBIOS, EFI variables, TPM, BMC and NVMe firmware."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping
from typing import Any

from . import pcimap, smbios
from .faults import Fault
from .node import Node
from .recording import Recording

TABLES = "/sys/firmware/dmi/tables"
ID = "/sys/devices/virtual/dmi/id"
EFIVARS = "/sys/firmware/efi/efivars"
EFI_GLOBAL = "8be4df61-93ca-11d2-aa0d-00e098032b8c"
BOOT_AND_RUNTIME = b"\x06\0\0\0"  # attributes in front of an EFI variable's value
TPM = "/sys/devices/platform/MSFT0101:00/tpm/tpm0"
BMC = "/sys/devices/platform/ipmi_bmc.0"
ALL = ("hgx_h100", "gb200_tray", "mi300x", "gaudi3", "cpu_only")
X86 = tuple(klass for klass in ALL if klass != "gb200_tray")

TWO_PER_CHANNEL = tuple(f"{channel}{number}" for channel in "ABCDEFGHIJKLMNOP" for number in (1, 2))
ONE_PER_CHANNEL = tuple(f"{channel}1" for channel in "ABCDEFGHIJKLMNOPQRSTUVWX")
INTEL, AMD = "Intel(R) Corporation", "Advanced Micro Devices, Inc."
MACHINES = {
    "hgx_h100": smbios.Machine(
        "SIM-HGX-H100", "2.1", "03/14/2026", INTEL, "Intel(R) Xeon(R) Platinum 8480+", 56, 112, 2000,
        TWO_PER_CHANNEL, 64, "DDR5", 4800, 4400, "Samsung", "M321R8GA0BB0-CQKZJ",
    ),
    "gb200_tray": smbios.Machine(
        "SIM-GB200-TRAY", "2.4", "05/02/2026", "NVIDIA", "Grace A02", 72, 72, 3400,
        tuple(f"LP{number}" for number in range(16)), 60, "LPDDR5", 8533, 8533, "Micron", "MT62F2G64D8CL",
        ipmi_interface=4, bios_vendor="NVIDIA",
    ),
    "mi300x": smbios.Machine(
        "SIM-MI300X", "1.7", "02/20/2026", AMD, "AMD EPYC 9554 64-Core Processor", 64, 128, 3100,
        ONE_PER_CHANNEL, 96, "DDR5", 4800, 4800, "SK Hynix", "HMCGM4MGBRB240N",
    ),
    "gaudi3": smbios.Machine(
        "SIM-GAUDI3", "1.3", "04/09/2026", INTEL, "INTEL(R) XEON(R) PLATINUM 8568Y+", 48, 96, 2300,
        TWO_PER_CHANNEL, 64, "DDR5", 5600, 4400, "Micron", "MTC40F2046S1RC56BD1",
    ),
    "cpu_only": smbios.Machine(
        "SIM-HEAD", "3.2", "01/30/2026", AMD, "AMD EPYC 9354P 32-Core Processor", 32, 64, 3250,
        ONE_PER_CHANNEL[:12], 32, "DDR5", 4800, 4800, "Samsung", "M321R4GA3BB6-CQKET", sockets=1,
    ),
}  # fmt: skip
DRIVES = {"pm9a3": ("SAMSUNG MZQL23T8HCLS-00A07", "GDC7502Q"), "micron7450": ("Micron_7450_MTFDKCC7T6TFR", "E2MU300")}
DRIVE_PARTS = {0x144D: "pm9a3", 0x1344: "micron7450"}


def render(node: Node, rec: Recording) -> None:
    """Put what firmware tells of a healthy node."""
    _smbios(node, rec)
    for variable, value in (("SecureBoot", b"\1"), ("SetupMode", b"\0"), ("BootCurrent", b"\0\0")):
        rec.file(f"{EFIVARS}/{variable}-{EFI_GLOBAL}", BOOT_AND_RUNTIME + value)
    rec.file("/sys/firmware/efi/fw_platform_size", "64\n")
    for table in ("APIC", "DSDT", "FACP", "MCFG", "SPMI", "TPM2"):
        rec.file(f"/sys/firmware/acpi/tables/{table}", table)
    rec.file(f"{TPM}/tpm_version_major", "2\n")
    rec.link("/sys/class/tpm/tpm0", TPM)
    rec.file("/dev/ipmi0", "")
    rec.file(f"{BMC}/firmware_revision", "1.14\n")
    rec.file(f"{BMC}/ipmi_version", "2.0\n")
    rec.file(f"{BMC}/manufacturer_id", "0x0000ffff\n")
    for function in pcimap.of(node.klass, pcimap.NVME):
        _drive(node, rec, function)


def _smbios(node: Node, rec: Recording, **changes: Any) -> None:
    machine = dataclasses.replace(MACHINES[node.klass], **changes)
    table = smbios.table(node, machine)
    rec.file(f"{TABLES}/DMI", table)
    rec.file(f"{TABLES}/smbios_entry_point", smbios.entry_point(table))
    rec.link("/sys/class/dmi/id", ID)
    shown = {
        "bios_vendor": machine.bios_vendor,
        "bios_version": machine.bios_version,
        "bios_date": machine.bios_date,
        "bios_release": machine.bios_version,
        "sys_vendor": machine.manufacturer,
        "product_name": machine.product,
        "product_version": "0123456789",
        "product_serial": smbios.system_serial(node, machine),
        "product_uuid": smbios.system_uuid(node),
        "product_sku": "Default string",
        "product_family": "Lab",
        "board_vendor": machine.manufacturer,
        "board_name": f"{machine.product}-MB",
        "chassis_vendor": machine.manufacturer,
        "chassis_type": "23",
    }
    for name, value in shown.items():
        rec.file(f"{ID}/{name}", f"{value}\n")


def _drive(node: Node, rec: Recording, function: pcimap.Function) -> None:
    folder = _drive_folder(node, function)
    model, firmware = DRIVES[DRIVE_PARTS[function.vendor]]
    rec.link(f"/sys/class/nvme/{function.name}", folder)
    rec.file(f"{folder}/model", f"{model:<40}\n")
    rec.file(f"{folder}/firmware_rev", f"{firmware:<8}\n")
    rec.file(f"{folder}/serial", f"{'S' + node.serial('nvme', function.index):<20}\n")
    rec.file(f"{folder}/address", f"{function.address}\n")
    rec.file(f"{folder}/transport", "pcie\n")
    rec.file(f"{folder}/state", "live\n")


def _drive_folder(node: Node, function: pcimap.Function) -> str:
    return f"{pcimap.path(node.klass, function.address)}/nvme/{function.name}"


def _changed(**changes: Any) -> Callable[[Node, Recording], None]:
    """Return a change of what the node's SMBIOS says; a callable value gets the machine."""

    def apply(node: Node, rec: Recording) -> None:
        machine = MACHINES[node.klass]
        _smbios(node, rec, **{key: value(machine) if callable(value) else value for key, value in changes.items()})

    return apply


def _deny_smbios(node: Node, rec: Recording) -> None:
    for path in (f"{TABLES}/DMI", f"{TABLES}/smbios_entry_point", f"{ID}/product_serial", f"{ID}/product_uuid"):
        rec.refuse(path)


def _old_drive_firmware(node: Node, rec: Recording) -> None:
    rec.file(f"{_drive_folder(node, pcimap.of(node.klass, pcimap.NVME)[-1])}/firmware_rev", "E2MU110 \n")


def _mixed_microcode(node: Node, rec: Recording) -> None:
    head, found, tail = rec.text("/proc/cpuinfo").rpartition("microcode\t: 0x")
    if not found:
        raise ValueError(f"{node.name}: no microcode in /proc/cpuinfo")
    rec.file("/proc/cpuinfo", f"{head}{found}1{tail}")


def _efi(variable: str, value: bytes) -> Callable[[Node, Recording], None]:
    return lambda node, rec: rec.file(f"{EFIVARS}/{variable}-{EFI_GLOBAL}", BOOT_AND_RUNTIME + value)


def _no_tpm(node: Node, rec: Recording) -> None:
    rec.remove("/sys/class/tpm/tpm0")
    rec.remove("/sys/firmware/acpi/tables/TPM2")
    _smbios(node, rec, tpm=False)


UNSEEN_WITHOUT_TABLES: Mapping[str, str] = dict.fromkeys(
    [
        "firmware.cpu.cores",
        "firmware.cpu.enabled",
        "firmware.memory.ecc",
        "firmware.memory.populated",
        "firmware.memory.same_size",
        "firmware.memory.same_speed",
        "firmware.memory.serials",
        "firmware.memory.size",
        "firmware.memory.speed",
        "firmware.smbios.complete",
        "firmware.system.identity",
    ],
    "unknown",
)
FAULTS = [
    Fault(
        "bios_version_old",
        "the BIOS is older than the baseline",
        ALL,
        {"firmware.bios.version": "fail"},
        _changed(bios_version="1.0"),
    ),
    Fault(
        "dimm_missing",
        "the last memory slot shows no module",
        X86,
        {"firmware.memory.populated": "fail", "firmware.memory.size": "fail"},
        _changed(empty_slots=lambda machine: machine.slots[-1:]),
    ),
    Fault(
        "dimm_slow",
        "one DIMM was configured below the speed of the others",
        X86,
        {"firmware.memory.same_speed": "fail", "firmware.memory.speed": "fail"},
        _changed(slow_slots=lambda machine: machine.slots[3:4], slow_mts=3600),
    ),
    Fault(
        "serial_placeholder",
        "the maker left the system serial number at its placeholder",
        ALL,
        {"firmware.system.identity": "fail"},
        _changed(serial="To be filled by O.E.M."),
    ),
    Fault(
        "cpu_disabled",
        "firmware disabled the second processor",
        ALL[:4],
        {"firmware.cpu.enabled": "fail"},
        _changed(disabled_sockets=(1,)),
    ),
    Fault(
        "dmi_denied",
        "the SMBIOS tables cannot be read, as for a plain user",
        ALL,
        {**UNSEEN_WITHOUT_TABLES, "firmware.smbios.complete": "fail"},
        _deny_smbios,
    ),
    Fault(
        "secure_boot_off",
        "Secure Boot is off",
        ("gb200_tray", "cpu_only"),
        {"firmware.secure_boot.state": "fail"},
        _efi("SecureBoot", b"\0"),
    ),
    Fault(
        "secure_boot_setup_mode",
        "the firmware is in setup mode: anybody may enrol keys",
        ("gb200_tray", "cpu_only"),
        {"firmware.secure_boot.setup_mode": "fail"},
        _efi("SetupMode", b"\1"),
    ),
    Fault(
        "efivars_unmounted",
        "the EFI variables cannot be read",
        ("gb200_tray", "cpu_only"),
        {"firmware.secure_boot.state": "unknown", "firmware.secure_boot.setup_mode": "unknown"},
        lambda node, rec: rec.remove(EFIVARS),
    ),
    Fault(
        "tpm_missing",
        "the TPM is switched off in firmware",
        ALL,
        {"firmware.tpm.present": "fail"},
        _no_tpm,
    ),
    Fault(
        "nvme_firmware_old",
        "the last drive runs older firmware than the others of its model",
        ALL[:4],
        {"firmware.nvme.same_version": "fail"},
        _old_drive_firmware,
    ),
    Fault(
        "microcode_mixed",
        "the last processor runs other microcode",
        X86,
        {"firmware.cpu.microcode": "fail"},
        _mixed_microcode,
    ),
    Fault(
        "ipmi_device_missing",
        "the host cannot reach its BMC",
        ALL,
        {"firmware.bmc.device": "fail"},
        lambda node, rec: rec.remove("/dev/ipmi0"),
    ),
]
