#!/usr/bin/python
# Copyright (c) 2026 the muster.fleet authors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

from __future__ import annotations

DOCUMENTATION = r"""
---
module: gpu_facts
short_description: "Facts about accelerators: NVIDIA, AMD Instinct and Intel Gaudi in one schema"
version_added: 0.1.0
description:
  - Asks NVML through nvidia-ml-py when the host's Python has it, else C(nvidia-smi -q -x); C(amd-smi) for AMD and C(hl-smi) for Gaudi, else sysfs. The fact C(source) says which.
  - NVML is asked in a child process with a deadline, so that a lost or hung device costs its own answers only.
  - Changes nothing on the host.
author: muster.fleet authors (@muster-fleet)
extends_documentation_fragment:
  - muster.fleet.attributes
  - muster.fleet.attributes.read_only
  - muster.fleet.attributes.facts
"""

EXAMPLES = r"""
- name: Ask for the accelerators
  muster.fleet.gpu_facts:

- name: Show which links are narrow
  ansible.builtin.debug:
    msg: "{{ ansible_facts['muster_gpu'].devices | rejectattr('pcie.width', 'equalto', 16) | map(attribute='label') }}"
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
    muster_gpu:
      description: "Accelerators."
      returned: when the domain is asked for
      type: dict
      contains:
        source:
          description: >-
            Where the facts came from, V(nvml), V(nvidia-smi), V(amd-smi), V(hl-smi) or V(sysfs); null when nobody
            answered.
          type: str
        vendor: {description: "V(nvidia), V(amd), V(gaudi), or null when the machine shows none.", type: str}
        pci_count: {description: "Accelerators on the PCI bus whether or not a driver knows them; null when the bus could not be read.", type: int}
        driver_count: {description: "Accelerators that the driver knows; never derived from RV(ignore:pci_count).", type: int}
        state:
          description: >-
            What became of asking the vendor's management library or tool. V(ok), V(partial), V(no_library),
            V(no_tool), V(driver_not_loaded), V(version_mismatch), V(timeout), V(failed) or V(no_device).
          type: str
        state_detail: {description: "The library's or tool's own words where it failed.", type: str}
        driver:
          description: "What the driver says of itself."
          type: dict
          contains:
            version: {description: "Version of the driver.", type: str}
            library_version: {description: "Version of the management library.", type: str}
            kernel_module_version: {description: "Version of the loaded kernel module.", type: str}
            kernel_module_flavour: {description: "V(open) or V(proprietary). NVIDIA.", type: str}
            kernel_module_state: {description: "State of the loaded kernel module. AMD.", type: str}
            cuda_version: {description: "Highest CUDA version that the driver serves. NVIDIA.", type: str}
            rocm_version: {description: "Installed ROCm. AMD.", type: str}
            synapse_version: {description: "Installed SynapseAI. Gaudi.", type: str}
            binding: {description: "How NVML was reached.", type: str}
            confidential_compute:
              description: "Confidential computing of the machine. NVIDIA."
              type: dict
              contains:
                enabled: {description: "Whether it is on.", type: bool}
                environment: {description: "V(none), V(simulation) or V(production).", type: str}
                devtools: {description: "Whether developer tools are let in.", type: bool}
                ready: {description: "Whether the GPUs take work.", type: bool}
        devices:
          description: "One entry for each physical accelerator, in the driver's order; null when nobody could be asked."
          type: list
          elements: dict
          contains:
            label: {description: "Name used in messages, V(GPU 3 (0000:4e:00.0)).", type: str}
            index: {description: "Place in the driver's order.", type: int}
            vendor: {description: "V(nvidia), V(amd) or V(gaudi).", type: str}
            state: {description: "V(ok), V(lost), V(hung), V(reset_required) or V(error).", type: str}
            state_detail: {description: "Which question showed the state.", type: str}
            responding: {description: "Whether RV(ignore:state) is V(ok). Checks of single properties leave the others out.", type: bool}
            model: {description: "Name of the model.", type: str}
            serial: {description: "Serial number of the board; the two GPUs of a GB200 board share one.", type: str}
            uuid: {description: "Identity of the accelerator.", type: str}
            pci_address: {description: "PCI address as sysfs writes it, V(0000:4e:00.0).", type: str}
            module_id: {description: "Place on the baseboard; not the same order as RV(ignore:index).", type: int}
            minor: {description: "Number of its device node.", type: int}
            numa_node: {description: "Memory node of the socket that it hangs on.", type: int}
            board_part_number: {description: "Part number of the board.", type: str}
            chassis_serial: {description: "Serial number of the chassis that the board reports.", type: str}
            compute_capability: {description: "CUDA compute capability. NVIDIA.", type: str}
            firmware:
              description: "Firmware by part; other vendors add their own parts."
              type: dict
              contains:
                vbios: {description: "VBIOS.", type: str}
                gsp: {description: "GSP firmware in use.", type: str}
                inforom_image: {description: "InfoROM image.", type: str}
                inforom_oem: {description: "InfoROM OEM object.", type: str}
                inforom_ecc: {description: "InfoROM ECC object.", type: str}
                inforom_power: {description: "InfoROM power object.", type: str}
                pm: {description: "Power management (SMU) firmware. AMD, whose other parts stand beside it by their own names.", type: str}
                cpucp: {description: "Firmware of the card's processor. Gaudi.", type: str}
                fw_os: {description: "Operating system of the card. Gaudi.", type: str}
                preboot_btl: {description: "Boot loader before it. Gaudi.", type: str}
                uboot: {description: "U-Boot. Gaudi.", type: str}
                cpld: {description: "CPLD. Gaudi.", type: str}
                infineon: {description: "Voltage regulator. Gaudi.", type: str}
                thermal: {description: "Thermal controller. Gaudi.", type: str}
            memory:
              description: "Memory in bytes."
              type: dict
              contains:
                total_bytes: {description: "Size.", type: int}
                used_bytes: {description: "In use by processes.", type: int}
                reserved_bytes: {description: "Kept by the driver.", type: int}
            ecc:
              description: "Error correction."
              type: dict
              contains:
                enabled: {description: "Whether it is on.", type: bool}
                pending: {description: "Whether it will be on after the next reset.", type: bool}
                sram_threshold_exceeded: {description: "Whether the on-chip memory has had too many errors.", type: bool}
                volatile:
                  description: "Errors since the driver started."
                  type: dict
                  contains:
                    corrected: {description: "All corrected errors.", type: int}
                    uncorrected: {description: "All uncorrected errors; at least so many where a part is not given.", type: int}
                    sram_corrected: {description: "Corrected errors of on-chip memory.", type: int}
                    sram_uncorrected: {description: "Uncorrected errors of on-chip memory.", type: int}
                    dram_corrected: {description: "Corrected errors of device memory.", type: int}
                    dram_uncorrected: {description: "Uncorrected errors of device memory.", type: int}
                aggregate:
                  description: "Errors in the life of the board."
                  type: dict
                  contains:
                    corrected: {description: "All corrected errors.", type: int}
                    uncorrected: {description: "All uncorrected errors; at least so many where a part is not given.", type: int}
                    sram_corrected: {description: "Corrected errors of on-chip memory.", type: int}
                    sram_uncorrected: {description: "Uncorrected errors of on-chip memory.", type: int}
                    dram_corrected: {description: "Corrected errors of device memory.", type: int}
                    dram_uncorrected: {description: "Uncorrected errors of device memory.", type: int}
            remap:
              description: "Row remapping."
              type: dict
              contains:
                corrected: {description: "Rows remapped after corrected errors.", type: int}
                uncorrected: {description: "Rows remapped after uncorrected errors.", type: int}
                pending: {description: "Whether a remapping waits for a reset.", type: bool}
                failed: {description: "Whether a remapping has failed.", type: bool}
                banks:
                  description: "Number of memory banks by the spare rows that they have left."
                  type: dict
                  contains:
                    max: {description: "All spare rows.", type: int}
                    high: {description: "Many.", type: int}
                    partial: {description: "Some.", type: int}
                    low: {description: "Few.", type: int}
                    none: {description: "None.", type: int}
            retired_pages:
              description: "Retired memory pages of boards without row remapping."
              type: dict
              contains:
                single_bit: {description: "Pages retired for repeated single-bit errors.", type: int}
                double_bit: {description: "Pages retired for double-bit errors.", type: int}
                pending: {description: "Whether a page waits for a reset.", type: bool}
            retired_page_count: {description: "All retired pages; at least so many where a part is not given. NVIDIA.", type: int}
            unrepairable_memory: {description: "Whether memory is bad that cannot be repaired. NVIDIA.", type: bool}
            inforom_corrupted: {description: "Whether a call or the tool said that the InfoROM is corrupted. NVIDIA.", type: bool}
            repair:
              description: "Repairs that wait for a reset."
              type: dict
              contains:
                channel_pending: {description: "Of a memory channel.", type: bool}
                tpc_pending: {description: "Of a processing cluster.", type: bool}
            recovery_action:
              description: >-
                What the driver asks for, V(none), V(gpu_reset), V(node_reboot), V(drain_p2p), V(drain_and_reset)
                or another.
              type: str
            temperature_c: {description: "Temperature of the chip in degrees Celsius.", type: int}
            memory_temperature_c: {description: "Temperature of the memory in degrees Celsius.", type: int}
            temperature_margin_c: {description: "Degrees Celsius left until the chip slows itself down.", type: int}
            thresholds:
              description: "Limits in degrees Celsius; boards that give a margin may not give them."
              type: dict
              contains:
                slowdown_c: {description: "The chip slows down.", type: int}
                shutdown_c: {description: "The chip switches off.", type: int}
                memory_max_c: {description: "Highest for the memory.", type: int}
            power_w: {description: "Power drawn in watts.", type: float}
            power_limit_w: {description: "Power limit in force in watts.", type: float}
            power_default_limit_w: {description: "Power limit of the board in watts.", type: float}
            power_min_w: {description: "Lowest limit that may be set in watts.", type: float}
            power_max_w: {description: "Highest limit that may be set in watts.", type: float}
            clocks:
              description: "Clocks in MHz."
              type: dict
              contains:
                sm_mhz: {description: "Of the multiprocessors.", type: int}
                graphics_mhz: {description: "Of the graphics engine.", type: int}
                memory_mhz: {description: "Of the memory.", type: int}
                sm_max_mhz: {description: "Highest of the multiprocessors.", type: int}
                memory_max_mhz: {description: "Highest of the memory.", type: int}
                sm_application_mhz: {description: "Applications clock of the multiprocessors. NVIDIA.", type: int}
                sm_default_mhz: {description: "Applications clock that the board comes with. NVIDIA.", type: int}
                sm_percent: {description: "RV(ignore:sm_mhz) in percent of the default applications clock, or of the highest where there is none. NVIDIA.", type: float}
                locked: {description: "Whether the clock of a graphics engine is locked. AMD.", type: bool}
            clock_reasons:
              description: "What the causes in RV(ignore:throttle) say about the clocks."
              type: dict
              contains:
                idle: {description: "Nothing runs on it, and its clock rests.", type: bool}
                applications: {description: "An applications clock setting holds the clock. NVIDIA.", type: bool}
                sync_boost: {description: "It waits for the slowest of its sync boost group. NVIDIA.", type: bool}
                explained: {description: "Idleness, a power cap, heat or the power brake explain a low clock.", type: bool}
                unexplained: {description: "Active causes that nothing here knows, and answers in unknown words.", type: list, elements: str}
                unanswered: {description: "Causes that gave no answer.", type: list, elements: str}
            performance_state: {description: "Performance state, V(P0) is the fastest. NVIDIA.", type: str}
            throttle:
              description: "Why the clock is not higher."
              type: dict
              contains:
                reasons: {description: "All reasons by name.", type: list, elements: str}
                hw_slowdown: {description: "The hardware slows the chip down.", type: bool}
                hw_thermal: {description: "The hardware does so for heat.", type: bool}
                hw_power_brake: {description: "The power supply asks for it.", type: bool}
                sw_thermal: {description: "The driver slows the chip down for heat.", type: bool}
                sw_power_cap: {description: "The power limit holds the clock.", type: bool}
            pcie:
              description: "The link to the host."
              type: dict
              contains:
                generation: {description: "Generation now; idle boards may rest in a lower one.", type: int}
                generation_max: {description: "Highest that board and slot can.", type: int}
                width: {description: "Lanes now.", type: int}
                width_max: {description: "Lanes of board and slot.", type: int}
                replay_count: {description: "Packets sent again.", type: int}
            persistence: {description: "Whether the driver stays loaded between users.", type: bool}
            compute_mode: {description: "V(default), V(exclusive_process), V(exclusive_thread) or V(prohibited).", type: str}
            mig:
              description: "Multi-instance GPU."
              type: dict
              contains:
                enabled: {description: "Whether it is on.", type: bool}
                pending: {description: "Whether it will be on after the next reset.", type: bool}
            instances:
              description: "MIG instances; an empty list where there are none, null when that is unknown. NVIDIA."
              type: list
              elements: dict
              contains:
                label: {description: "Name used in messages.", type: str}
                index: {description: "Number on its GPU.", type: int}
                uuid: {description: "Identity of the instance.", type: str}
                sram_uncorrected: {description: "Uncorrected errors of its on-chip memory since the driver started.", type: int}
            not_supported:
              description: >-
                Facts that this board, its driver or the binding to it say they do not have, by their path. A read that
                failed is not among them.
              type: list
              elements: str
            partition:
              description: "How the card is divided. AMD."
              type: dict
              contains:
                compute: {description: "Compute partition mode.", type: str}
                memory: {description: "Memory partition mode.", type: str}
                count: {description: "Into how many accelerators the card is divided.", type: int}
            utilization:
              description: "How busy it is."
              type: dict
              contains:
                gpu_percent: {description: "The chip in percent.", type: int}
                memory_percent: {description: "Its memory interface in percent.", type: int}
            processes:
              description: "Processes that compute on it."
              type: list
              elements: dict
              contains:
                label: {description: "Name used in messages.", type: str}
                pid: {description: "Process number.", type: int}
                name: {description: "Name of the process.", type: str}
                memory_bytes: {description: "Memory that it holds in bytes.", type: int}
            links:
              description: "Links to other accelerators; an empty list for a board that says it has none, null when that is unknown."
              type: list
              elements: dict
              contains:
                label: {description: "Name used in messages.", type: str}
                index: {description: "Number of the link.", type: int}
                kind: {description: "V(nvlink), V(xgmi) or V(scaleup).", type: str}
                active: {description: "Whether it is up.", type: bool}
                speed_mbps: {description: "Speed in one direction in Mb/s; for xGMI that of one lane.", type: int}
                version: {description: "Version of the protocol.", type: str}
                remote: {description: "What is at the far end, V(gpu), V(switch) or another.", type: str}
                errors:
                  description: >-
                    Error counters by kind, such as V(crc_flit), V(crc_data), V(replay), V(recovery),
                    V(recovery_failed), V(integrity). V(recovery_per_day) is the mean since the machine started,
                    V(effective_ber) and V(symbol_ber) are bit error rates.
                  type: dict
            link_count: {description: "Number of entries in RV(ignore:links).", type: int}
            unwired_links: {description: "Numbers of the NVLinks that are down on every GPU, which RV(ignore:links) leaves out: boards such as H100 NVL do not wire all.", type: list, elements: int}
            fabric:
              description: "Its place in the NVLink fabric. NVIDIA."
              type: dict
              contains:
                state: {description: "V(not_supported), V(not_started), V(in_progress) or V(completed).", type: str}
                status: {description: "V(success), or the error that joining ended with.", type: str}
                clique_id: {description: "Number of the clique.", type: int}
                cluster_uuid: {description: "Identity of the domain; zeros are normal within one machine.", type: str}
                health: {description: "V(healthy), V(unhealthy) or V(limited_capacity).", type: str}
                degraded_bandwidth: {description: "Whether bandwidth is lost.", type: bool}
                route_recovery: {description: "Whether routes are being recovered.", type: bool}
                route_unhealthy: {description: "Whether routes are lost.", type: bool}
                access_timeout_recovery: {description: "Whether accesses are being recovered after a timeout.", type: bool}
                incorrect_configuration: {description: "V(none), or what is configured wrong.", type: str}
            addressing_mode: {description: "How it shares the host's address space, V(none), V(hmm) or V(ats).", type: str}
            platform:
              description: "Its place in the rack."
              type: dict
              contains:
                chassis_serial: {description: "Serial number of the chassis.", type: str}
                slot: {description: "Slot number.", type: int}
                tray: {description: "Index of the tray.", type: int}
                host: {description: "Number of the host in the tray.", type: int}
                peer_type: {description: "V(direct) or V(switch).", type: str}
                fabric_guid: {description: "GUID in the fabric.", type: str}
            ras: {description: "Reliability counters. AMD.", type: dict}
            extra:
              description: >-
                What only this vendor knows, such as V(slowdown_margin_c), V(shutdown_margin_c), V(c2c_links),
                V(memory_numa_node).
              type: dict
        clocks_explained: {description: "Whether every accelerator that answers explains a low clock (RV(ignore:clock_reasons)).", type: bool}
        all_in_use: {description: "Whether a process computes on every accelerator that answers.", type: bool}
        not_supported: {description: "Facts that every accelerator that answers says it does not have, by their path.", type: list, elements: str}
        topology:
          description: "How the accelerators lie to each other."
          type: dict
          contains:
            kfd_gpu_nodes: {description: "Compute nodes of the kernel fusion driver. AMD.", type: int}
            hives: {description: "Identifiers of the xGMI hives. AMD.", type: list, elements: str}
            firmware:
              description: "For each firmware block C(label) and C(versions), those that the cards run; null where a card does not tell its own. AMD."
              type: dict
            common_ancestor:
              description: >-
                For each accelerator its nearest common ancestor with each other one, by index. NVIDIA. V(self),
                V(internal), V(single_switch), V(multiple_switches), V(host_bridge), V(numa_node), V(system), or
                null.
              type: list
              elements: list
        errors:
          description: "What could not be read, each with RV(ignore:source) and RV(ignore:reason)."
          type: list
          elements: dict
          contains:
            source: {description: "What was asked.", type: str}
            reason: {description: "What became of it.", type: str}
        took_ms: {description: "How long this took in milliseconds.", type: float}
"""

from ansible_collections.muster.fleet.plugins.module_utils.collect import gpu
from ansible_collections.muster.fleet.plugins.module_utils.facts_module import run


def main() -> None:
    """Collect the gpu facts of this host."""
    run({"gpu": gpu.collect})


if __name__ == "__main__":
    main()
