#!/usr/bin/python
# Copyright (c) 2026 the muster.fleet authors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

from __future__ import annotations

DOCUMENTATION = r"""
---
module: firmware_facts
short_description: Facts about BIOS, firmware versions, memory modules and boot policy
version_added: 0.1.0
description:
  - Reads the SMBIOS tables, EFI variables, TPM, microcode, NVMe and NIC firmware into one list of components.
  - Changes nothing on the host.
author: muster.fleet authors (@muster-fleet)
extends_documentation_fragment:
  - muster.fleet.attributes
  - muster.fleet.attributes.read_only
  - muster.fleet.attributes.facts
"""

EXAMPLES = r"""
- name: Ask for firmware versions
  muster.fleet.firmware_facts:

- name: Show them
  ansible.builtin.debug:
    msg: "{{ item.label }} {{ item.version }}"
  loop: "{{ ansible_facts['muster_firmware'].components }}"
  loop_control:
    label: "{{ item.label }}"
"""

RETURN = r"""
ansible_facts:
  description: Facts by domain. Every domain has C(errors), which says what could not be seen and why.
  returned: always
  type: dict
  contains:
    muster_simulated:
      description: Whether a recording of a simulated machine answered instead of a real one.
      returned: always
      type: bool
    muster_firmware:
      description: "Firmware, BIOS settings and inventory of parts."
      returned: when the domain is asked for
      type: dict
      contains:
        source:
          description: >-
            Where SMBIOS came from, V(smbios) (tables in sysfs), V(dmidecode) or V(dmi id) (what the kernel shows
            everybody).
          type: str
        state: {description: "How much of SMBIOS could be read, V(complete), V(partial) or V(none).", type: str}
        smbios_version: {description: "Version of the SMBIOS specification that the tables follow.", type: str}
        bios:
          description: "The BIOS."
          type: dict
          contains:
            vendor: {description: "Maker.", type: str}
            version: {description: "Version.", type: str}
            date: {description: "Release date, YYYY-MM-DD.", type: str}
            release: {description: "BIOS revision, major.minor.", type: str}
            controller_release: {description: "Revision of the embedded controller, major.minor.", type: str}
        system:
          description: "The machine. Placeholders such as \"Default string\" are null."
          type: dict
          contains:
            manufacturer: {description: "Maker.", type: str}
            model: {description: "Product name.", type: str}
            version: {description: "Product version.", type: str}
            serial: {description: "Serial number; root only.", type: str}
            uuid: {description: "UUID; root only.", type: str}
            sku: {description: "SKU number.", type: str}
            family: {description: "Product family.", type: str}
            placeholders:
              description: >-
                Which of manufacturer, model, serial and uuid hold nothing or a placeholder; null when they could
                not be read.
              type: list
              elements: str
        board:
          description: "The main board."
          type: dict
          contains:
            manufacturer: {description: "Maker.", type: str}
            model: {description: "Product name.", type: str}
            version: {description: "Version.", type: str}
            serial: {description: "Serial number.", type: str}
            asset_tag: {description: "Asset tag.", type: str}
        chassis:
          description: "The chassis."
          type: dict
          contains:
            type: {description: "Type, such as V(Rack Mount Chassis).", type: str}
            manufacturer: {description: "Maker.", type: str}
            version: {description: "Version.", type: str}
            serial: {description: "Serial number.", type: str}
            asset_tag: {description: "Asset tag.", type: str}
            sku: {description: "SKU number.", type: str}
        processors:
          description: "Central processors; null without the SMBIOS tables."
          type: list
          elements: dict
          contains:
            label: {description: "Name of the item as used in messages.", type: str}
            socket: {description: "Socket designation.", type: str}
            manufacturer: {description: "Maker.", type: str}
            model: {description: "Name.", type: str}
            serial: {description: "Serial number.", type: str}
            part_number: {description: "Part number.", type: str}
            populated: {description: "Whether the socket is filled.", type: bool}
            enabled: {description: "Whether firmware enabled it.", type: bool}
            cores: {description: "Number of cores.", type: int}
            cores_enabled: {description: "Number of enabled cores.", type: int}
            threads: {description: "Number of threads.", type: int}
            speed_max_mhz: {description: "Highest speed of the socket (MHz).", type: int}
            speed_mhz: {description: "Speed at boot (MHz).", type: int}
        memory:
          description: "System memory as a whole; null without the SMBIOS tables."
          type: dict
          contains:
            slots: {description: "Number of slots.", type: int}
            populated: {description: "Number of filled slots.", type: int}
            total_bytes: {description: "Sum of all modules (bytes).", type: int}
            error_correction: {description: "V(none), V(parity), V(single-bit), V(multi-bit) or V(crc).", type: str}
        dimms:
          description: "Memory slots, filled or not; null without the SMBIOS tables."
          type: list
          elements: dict
          contains:
            label: {description: "Name of the item as used in messages.", type: str}
            locator: {description: "Name of the slot on the board.", type: str}
            bank: {description: "Name of the bank.", type: str}
            populated: {description: "Whether a module is in it.", type: bool}
            size_bytes: {description: "Size (bytes).", type: int}
            type: {description: "Such as V(DDR5).", type: str}
            speed_rated_mts: {description: "What the module can do (MT/s).", type: int}
            speed_configured_mts: {description: "What it runs at (MT/s).", type: int}
            rank: {description: "Number of ranks.", type: int}
            manufacturer: {description: "Maker.", type: str}
            serial: {description: "Serial number.", type: str}
            part_number: {description: "Part number.", type: str}
        slots:
          description: "Slots for cards; null when the SMBIOS tables could not be read."
          type: list
          elements: dict
          contains:
            label: {description: "Name of the item as used in messages.", type: str}
            designation: {description: "What is printed beside it.", type: str}
            usage: {description: "V(in use), V(available) or V(unavailable).", type: str}
            pci_address: {description: "Address of what is in it, where the maker says it.", type: str}
        power_supplies:
          description: "Power supplies that SMBIOS describes; many makers describe none."
          type: list
          elements: dict
          contains:
            label: {description: "Name of the item as used in messages.", type: str}
            location: {description: "Place.", type: str}
            model: {description: "Name.", type: str}
            manufacturer: {description: "Maker.", type: str}
            serial: {description: "Serial number.", type: str}
            part_number: {description: "Part number.", type: str}
            version: {description: "Revision.", type: str}
            capacity_w: {description: "Power that it can give (W).", type: int}
            present: {description: "Whether it is there.", type: bool}
            status: {description: "V(ok), V(non-critical) or V(critical), as of boot.", type: str}
        boot_mode: {description: "V(efi) or V(legacy).", type: str}
        secure_boot: {description: "Whether Secure Boot is on.", type: bool}
        setup_mode: {description: "Whether the firmware is in setup mode, in which anybody may enrol keys.", type: bool}
        tpm:
          description: "The TPM."
          type: dict
          contains:
            present: {description: "Whether there is one, by driver, ACPI or SMBIOS.", type: bool}
            driver: {description: "Whether a driver serves it.", type: bool}
            version: {description: "V(1.2) or V(2.0).", type: str}
            firmware: {description: "Firmware version.", type: str}
            vendor: {description: "Vendor id.", type: str}
        bmc:
          description: "The BMC as the host sees it."
          type: dict
          contains:
            source: {description: "Where the facts came from.", type: str}
            ipmi_device: {description: "Whether there is an IPMI device node.", type: bool}
            described: {description: "Whether SMBIOS describes an IPMI interface.", type: bool}
            interface: {description: "V(kcs), V(smic), V(bt) or V(ssif).", type: str}
            ipmi_version: {description: "Version of IPMI.", type: str}
            firmware: {description: "Firmware revision of the BMC.", type: str}
            manufacturer_id: {description: "IANA number of the maker.", type: str}
        microcode:
          description: "Microcode of each processor package, one entry more for each revision that differs within one; null on processors without microcode."
          type: list
          elements: dict
          contains:
            label: {description: "Name of the item as used in messages.", type: str}
            package: {description: "Number of the package.", type: int}
            revision: {description: "Revision, hexadecimal.", type: str}
            model: {description: "Name of the processor.", type: str}
        components:
          description: "Every component whose firmware the host can see."
          type: list
          elements: dict
          contains:
            label: {description: "Name of the item as used in messages.", type: str}
            kind: {description: "V(bios), V(bmc), V(tpm), V(cpu_microcode), V(nvme), V(nic) or V(gpu).", type: str}
            name: {description: "Model.", type: str}
            version: {description: "Version.", type: str}
            state: {description: "V(running), or V(unknown) where no version could be read.", type: str}
            address: {description: "PCI address.", type: str}
            source: {description: "Where the version came from.", type: str}
            chip: {description: "Chip of a network adapter.", type: str}
            board: {description: "Board id (PSID) of a network adapter.", type: str}
        models:
          description: "Drives, adapters and accelerators by model."
          type: list
          elements: dict
          contains:
            label: {description: "Name of the item as used in messages.", type: str}
            kind: {description: "V(nvme), V(nic) or V(gpu).", type: str}
            name: {description: "Model.", type: str}
            count: {description: "Number of parts.", type: int}
            versions: {description: "Versions that they run; null when one of them does not tell.", type: list, elements: str}
        errors:
          description: "Sources that could not answer."
          type: list
          elements: dict
          contains:
            source: {description: "File, command or place.", type: str}
            reason: {description: "Why.", type: str}
"""

from ansible_collections.muster.fleet.plugins.module_utils.collect import firmware
from ansible_collections.muster.fleet.plugins.module_utils.facts_module import run


def main() -> None:
    """Collect the firmware facts of this host."""
    run({"firmware": firmware.collect})


if __name__ == "__main__":
    main()
