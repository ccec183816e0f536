# Copyright (c) 2026 the muster.fleet authors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Firmware and what it says of the machine: SMBIOS, boot mode, Secure Boot, and the version of every component."""

from __future__ import annotations

from typing import Any, Dict, Mapping, Optional, Tuple

from ..host import OK, Asked, Host
from ..parse import smbios, smbios_records
from . import firmware_parts

TABLES = "/sys/firmware/dmi/tables"
ID = "/sys/class/dmi/id"
EFIVARS = "/sys/firmware/efi/efivars"
EFI_GLOBAL = "8be4df61-93ca-11d2-aa0d-00e098032b8c"
ATTRIBUTES = 4  # an efivars file starts with four bytes of attributes

# What the kernel copies out of SMBIOS for everybody; serial numbers and the UUID are for root only.
ID_FILES: Dict[str, Dict[str, str]] = {
    "bios": {"vendor": "bios_vendor", "version": "bios_version", "release": "bios_release"},
    "system": {
        "manufacturer": "sys_vendor",
        "model": "product_name",
        "version": "product_version",
        "serial": "product_serial",
        "uuid": "product_uuid",
        "sku": "product_sku",
        "family": "product_family",
    },
    "board": {
        "manufacturer": "board_vendor",
        "model": "board_name",
        "version": "board_version",
        "serial": "board_serial",
        "asset_tag": "board_asset_tag",
    },
    "chassis": {
        "manufacturer": "chassis_vendor",
        "version": "chassis_version",
        "serial": "chassis_serial",
        "asset_tag": "chassis_asset_tag",
    },
}
UNSEEN = dict.fromkeys(("processors", "memory", "dimms", "slots", "power_supplies", "ipmi", "tpm"))


def collect(host: Host, wanted: Mapping[str, Any]) -> Dict[str, Any]:
    """Return the firmware facts; ``state`` tells how much of SMBIOS could be read (complete, partial, none)."""
    asked = Asked(host)
    found = _smbios(asked)
    boot = _boot(asked)
    tpm, bmc = firmware_parts.tpm(asked, found.pop("tpm")), firmware_parts.bmc(asked, found.pop("ipmi"))
    microcode = firmware_parts.microcode(asked)
    components = firmware_parts.components(asked, found, tpm, bmc, microcode)
    return {
        **found,
        **boot,
        "tpm": tpm,
        "bmc": bmc,
        "microcode": microcode,
        "components": components,
        "models": firmware_parts.models(components),
        "errors": asked.errors,
    }


def _smbios(asked: Asked) -> Dict[str, Any]:
    """Return the SMBIOS records from the tables, else from ``dmidecode``, else what the kernel shows everybody."""
    version, data, source = _tables(asked)
    if not data:
        return _from_id(asked)
    table = smbios.walk(data)
    if version is None:
        asked.fail(f"{TABLES}/smbios_entry_point", "no SMBIOS entry point")
    for problem in table.problems:
        asked.fail(source, problem)
    state = "complete" if table.structures and not table.problems else "partial" if table.structures else "none"
    return {
        "source": source,
        "state": state,
        "smbios_version": version,
        **smbios_records.records(table, version),
    }


def _tables(asked: Asked) -> Tuple[Optional[str], Optional[bytes], str]:
    entry = asked.bytes(f"{TABLES}/smbios_entry_point")
    data = asked.bytes(f"{TABLES}/DMI")
    if data:
        return smbios.version(entry), data, "smbios"
    if asked.host.identity()["uid"] == 0:
        text = asked.run(["dmidecode", "-u"], required=False)
        if text:
            return (*smbios.from_dmidecode(text), "dmidecode")
    return None, None, ""


def _from_id(asked: Asked) -> Dict[str, Any]:
    """Return what /sys/class/dmi/id tells: names and versions, no parts, and no serial numbers unless root asks."""
    raw = {
        part: {name: _quiet(asked, f"{ID}/{file}") for name, file in files.items()} for part, files in ID_FILES.items()
    }
    if not any(value for values in raw.values() for value in values.values()):
        asked.fail(ID, "no SMBIOS information: neither tables nor a dmi folder could be read")
        return {"source": None, "state": "none", "smbios_version": None, **dict.fromkeys(ID_FILES), **UNSEEN}
    found: Dict[str, Any] = {
        part: {name: smbios.meant(value) for name, value in values.items()} for part, values in raw.items()
    }
    found["bios"]["date"] = smbios_records.iso_date(_quiet(asked, f"{ID}/bios_date"))
    found["bios"]["controller_release"] = _quiet(asked, f"{ID}/ec_firmware_release")
    kind = _quiet(asked, f"{ID}/chassis_type") or ""
    found["chassis"]["type"] = smbios_records.named(smbios_records.CHASSIS_TYPES, int(kind) if kind.isdecimal() else 0)
    found["chassis"]["sku"] = None
    identity = [raw["system"][name] for name in ("manufacturer", "model", "serial", "uuid")]
    readable = all(value is not None for value in identity)
    found["system"]["placeholders"] = smbios_records.placeholders(found["system"]) if readable else None
    asked.fail(ID, "partial: only names and versions, the SMBIOS tables could not be read")
    return {"source": "dmi id", "state": "partial", "smbios_version": None, **found, **UNSEEN}


def _quiet(asked: Asked, path: str) -> Optional[str]:
    """Read a file whose refusal is no news: why the tables could not be read has been said already."""
    answer = asked.host.read(path, 4096)
    return answer.data.decode("utf-8", "replace").strip() if answer.state == OK else None


def _boot(asked: Asked) -> Dict[str, Any]:
    """Return boot mode and Secure Boot; where /sys/firmware is hidden (a container) nothing is known."""
    if "efi" in asked.names("/sys/firmware"):
        names = asked.names(EFIVARS, required=True)
        if not names:
            asked.fail(EFIVARS, "no EFI variables: efivarfs is not mounted, or the firmware offers none at run time")
        return {
            "boot_mode": "efi",
            "secure_boot": _efi_flag(asked, "SecureBoot", names),
            "setup_mode": _efi_flag(asked, "SetupMode", names),
        }
    legacy = bool(asked.names("/sys/firmware"))
    return {
        "boot_mode": "legacy" if legacy else None,
        "secure_boot": False if legacy else None,  # only EFI firmware checks signatures
        "setup_mode": None,
    }


def _efi_flag(asked: Asked, variable: str, names: Any) -> Optional[bool]:
    path = f"{EFIVARS}/{variable}-{EFI_GLOBAL}"
    if not names:
        return None
    data = asked.bytes(path, required=True)
    if data is None:
        return None
    if len(data) != ATTRIBUTES + 1 or data[ATTRIBUTES] > 1:
        asked.fail(path, f"{len(data)} bytes are no EFI flag")
        return None
    return bool(data[ATTRIBUTES])
