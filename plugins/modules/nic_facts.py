#!/usr/bin/python
# Copyright (c) 2026 the muster.fleet authors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

from __future__ import annotations

DOCUMENTATION = r"""
---
module: nic_facts
short_description: Facts about network devices, bonds, RDMA ports, cables and neighbours
version_added: 0.1.0
description:
  - Reads sysfs first and runs C(ethtool), C(devlink) and C(lldpcli) only for what sysfs lacks.
  - Changes nothing on the host.
author: muster.fleet authors (@muster-fleet)
extends_documentation_fragment:
  - muster.fleet.attributes
  - muster.fleet.attributes.read_only
  - muster.fleet.attributes.facts
"""

EXAMPLES = r"""
- name: Ask for network devices
  muster.fleet.nic_facts:

- name: Show the RDMA ports
  ansible.builtin.debug:
    msg: "{{ ansible_facts['muster_nic'].rdma | default([]) | map(attribute='label') }}"
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
    muster_nic:
      description: "Network devices, RDMA ports and neighbours."
      returned: when the domain is asked for
      type: dict
      contains:
        source: {description: "Always V(sysfs), where most of it comes from.", type: str}
        uptime_s: {description: "Seconds since boot, over which the counters have counted.", type: float}
        took_ms: {description: "How long collecting took, in milliseconds.", type: float}
        counts:
          description: "How many there are."
          type: dict
          contains:
            physical: {description: "Physical ports.", type: int}
            carrying: {description: "Physical ports with a carrier.", type: int}
            bonds: {description: "Bonds.", type: int}
            virtual_functions: {description: "SR-IOV virtual functions, which are left out of everything else.", type: int}
            modules_with_diagnostics:
              description: >-
                Modules that report temperature and light; null when a port could not be asked (no C(ethtool), not
                root).
              type: int
        netdevs:
          description: "Network interfaces, without virtual functions."
          type: list
          elements: dict
          contains:
            label: {description: "Name in messages.", type: str}
            name: {description: "Kernel name.", type: str}
            source: {description: "Always V(sysfs).", type: str}
            kind:
              description: >-
                V(physical), V(bond), V(vlan), V(bridge), V(wlan), V(loopback), V(usb) (most often the way to the
                BMC), V(representor) (also subfunctions), V(scale_up) (a port of a Gaudi card) or V(virtual).
              type: str
            link_layer: {description: "V(Ethernet), V(InfiniBand) or null.", type: str}
            admin_up: {description: "Whether the interface is switched on.", type: bool}
            operstate: {description: "Operational state as the kernel says it.", type: str}
            carrier: {description: "Whether there is a link; false for an interface that is switched off.", type: bool}
            speed_mbps: {description: "Speed in Mb/s; null without a carrier, on InfiniBand and where the driver knows none.", type: int}
            duplex: {description: "V(full) or V(half).", type: str}
            mtu: {description: "MTU in bytes.", type: int}
            mac: {description: "Address in use.", type: str}
            permanent_mac: {description: "Burnt-in address, where it is known.", type: str}
            master: {description: "Bond or bridge that the interface belongs to.", type: str}
            parent: {description: "Interface below a VLAN.", type: str}
            vlan_id: {description: "VLAN number of a VLAN interface.", type: int}
            vlan_protocol: {description: "VLAN protocol, such as V(802.1Q).", type: str}
            addresses:
              description: "IP addresses; null when they could not be asked."
              type: list
              elements: dict
              contains:
                family: {description: "V(ipv4) or V(ipv6).", type: str}
                address: {description: "The address.", type: str}
                prefix_length: {description: "Length of the net's prefix in bits.", type: int}
                scope: {description: "V(global), V(link), V(host) or V(site).", type: str}
            driver: {description: "Kernel driver.", type: str}
            driver_version: {description: "Version of the driver, from C(ethtool -i). Physical ports only, as everything from C(ethtool).", type: str}
            firmware_version: {description: "Firmware of the adapter, without the PSID.", type: str}
            psid: {description: "Board id that NVIDIA adapters append to the firmware version.", type: str}
            pci_address: {description: "Address of the PCI function.", type: str}
            pci:
              description: "PCIe link; null off the PCI bus."
              type: dict
              contains:
                width: {description: "Lanes in use.", type: int}
                width_max: {description: "Lanes that the adapter has.", type: int}
                speed_gts: {description: "Speed in GT/s.", type: float}
                speed_max_gts: {description: "Highest speed of the adapter in GT/s.", type: float}
            numa_node: {description: "Memory node of the PCI function; null where the firmware names none.", type: int}
            carrier_changes: {description: "How often the carrier came or went since the driver was loaded.", type: int}
            carrier_down_count: {description: "How often the carrier went.", type: int}
            carrier_down_per_day: {description: "Mean losses of carrier a day since boot; over at least one day.", type: float}
            statistics:
              description: >-
                Kernel counters of physical ports and bonds, such as C(rx_packets), C(rx_bytes), C(rx_errors),
                C(rx_dropped), C(rx_crc_errors), C(rx_missed_errors), C(tx_carrier_errors), and the like for
                C(tx).
              type: dict
            per_million_packets:
              description: >-
                C(rx_errors), C(tx_errors), C(rx_dropped), C(tx_dropped), C(rx_crc_errors) per million packets of
                that direction.
              type: dict
            rdma: {description: "Whether there is an RDMA device for the interface or for its bond.", type: bool}
            rdma_device: {description: "Name of that RDMA device.", type: str}
            routable_addresses: {description: "Number of addresses that are valid beyond the link.", type: int}
            default_route: {description: "Whether a default route leads through the interface, its bond or a VLAN on it.", type: bool}
            port_type: {description: "V(FIBRE), V(Twisted Pair), V(Direct Attach Copper) and the like.", type: str}
            autonegotiation: {description: "Whether the port negotiates.", type: bool}
            link_detected: {description: "Whether C(ethtool) sees a link.", type: bool}
            link_detail: {description: "Why there is no link, in the kernel's words, such as V(No cable).", type: str}
            pause: {description: "Global pause frames: C(autonegotiate), C(rx), C(tx) (booleans).", type: dict}
            ring: {description: "Descriptors in the rings: C(rx), C(tx), and the most there can be, C(rx_max), C(tx_max).", type: dict}
            fec: {description: "Forward error correction: lists C(configured) and C(active), such as V(RS); V(Off) where it is off.", type: dict}
            module:
              description: "Module or cable; null when it could not be read."
              type: dict
              contains:
                present: {description: "Whether the port has a cage with something in it.", type: bool}
                diagnostics: {description: "Whether it has measurements, flags or thresholds, with or without a value; copper has none.", type: bool}
                identifier: {description: "Form factor.", type: str}
                connector: {description: "Connector.", type: str}
                vendor: {description: "Maker.", type: str}
                part_number: {description: "Part number.", type: str}
                revision: {description: "Revision.", type: str}
                serial_number: {description: "Serial number.", type: str}
                date_code: {description: "Date of manufacture.", type: str}
                length_m: {description: "Length of the cable in metres.", type: float}
                temperature_c: {description: "Temperature in degrees Celsius.", type: float}
                temperature_warning_c: {description: "Temperature at which the module warns.", type: float}
                temperature_alarm_c: {description: "Temperature at which the module raises an alarm.", type: float}
                rx_power_dbm: {description: "Light received by lane in dBm.", type: list, elements: float}
                tx_power_dbm: {description: "Light sent by lane in dBm.", type: list, elements: float}
                alarms: {description: "Names of the raised alarm and warning flags, faults and lost signals; null when the module has none.", type: list, elements: str}
            congestion:
              description: "What an Ethernet port with RDMA counted since the driver started; null on others, and for what its driver does not count."
              type: dict
              contains:
                source: {description: "Always V(ethtool -S).", type: str}
                pause_sent: {description: "Pause frames of priorities (PFC) sent.", type: int}
                pause_received: {description: "Pause frames of priorities received.", type: int}
                pause_sent_us: {description: "Time for which the port paused its switch in microseconds.", type: int}
                pause_received_us: {description: "Time for which its switch paused the port in microseconds.", type: int}
                pause_storms: {description: "Times that the watchdog ended an endless pause.", type: int}
                discards: {description: "Packets dropped for want of buffers.", type: int}
                packets_received: {description: "Packets received, RDMA's included.", type: int}
                pause_sent_percent: {description: "Time for which the port paused its switch as a share of the time since boot in percent.", type: float}
                pause_received_percent: {description: "The same for its switch pausing the port.", type: float}
                pause_storms_per_day: {description: "Storms a day since boot.", type: float}
                discards_per_million: {description: "Dropped of a million packets received.", type: float}
            qos:
              description: "How an Ethernet port with RDMA treats priorities; null on others."
              type: dict
              contains:
                source: {description: "Always V(dcb).", type: str}
                pfc_priorities: {description: "Priorities with flow control.", type: list, elements: int}
                trust: {description: "V(dscp) or V(pcp).", type: str}
                ecn_notification_point:
                  description: >-
                    Priorities on which the port answers ECN marks; NVIDIA's out-of-tree driver only.
                  type: list
                  elements: int
                ecn_reaction_point: {description: "Priorities on which the port slows down when told of congestion.", type: list, elements: int}
                cnp_dscp: {description: "DSCP of congestion notifications.", type: int}
                cnp_priority: {description: "Priority of congestion notifications.", type: int}
            neighbours: {description: "LLDP neighbours of a physical port by name; null when they could not be asked.", type: list, elements: str}
            switch: {description: "The neighbour, when there is exactly one.", type: str}
            switch_port: {description: "The neighbour and its port, when there is exactly one.", type: str}
        bonds:
          description: "Bonds."
          type: list
          elements: dict
          contains:
            label: {description: "Name in messages.", type: str}
            name: {description: "Kernel name.", type: str}
            source: {description: "Always V(sysfs).", type: str}
            mode: {description: "Mode, such as V(802.3ad) or V(active-backup).", type: str}
            lacp: {description: "Whether the mode is 802.3ad.", type: bool}
            mii_status: {description: "V(up) or V(down).", type: str}
            mii_interval_ms: {description: "How often the links are looked at, in milliseconds.", type: int}
            active_member: {description: "The member in use, of modes that use one.", type: str}
            hash_policy: {description: "What traffic is spread by.", type: str}
            active_aggregator_id: {description: "LACP aggregate in use; null for others than root.", type: int}
            partner_mac: {description: "Address of the LACP partner; null for others than root.", type: str}
            partner_answers: {description: "Whether the switch answers LACP.", type: bool}
            members_up: {description: "Members whose link is up.", type: int}
            switches: {description: "LLDP names of the switches behind the members; null while one is not known.", type: list, elements: str}
            members:
              description: "Member interfaces."
              type: list
              elements: dict
              contains:
                label: {description: "Name in messages.", type: str}
                name: {description: "Kernel name.", type: str}
                mii_status: {description: "V(up), V(going down), V(down) or V(going back).", type: str}
                state: {description: "V(active) or V(backup).", type: str}
                link_failure_count: {description: "How often the member's link failed.", type: int}
                aggregator_id: {description: "LACP aggregate that the member joined.", type: int}
        routes:
          description: "Default routes."
          type: dict
          contains:
            source: {description: "Always V(/proc/net).", type: str}
            default:
              description: "Default routes; null when they could not be read."
              type: list
              elements: dict
              contains:
                family: {description: "V(ipv4) or V(ipv6).", type: str}
                interface: {description: "Interface.", type: str}
                gateway: {description: "Gateway; null for a route without one.", type: str}
                metric: {description: "Metric.", type: int}
        rdma:
          description: "RDMA devices."
          type: dict
          contains:
            source: {description: "Always V(sysfs).", type: str}
            loaded: {description: "Whether the kernel has RDMA loaded.", type: bool}
            virtual_function_count: {description: "RDMA devices of virtual functions, which are left out.", type: int}
            fabric_count:
              description: >-
                Ports of the link layer, driver and device name that the profile calls the fabric; null when it
                says nothing.
              type: int
            devices:
              description: "Devices."
              type: list
              elements: dict
              contains:
                label: {description: "Name in messages.", type: str}
                name: {description: "Name, such as V(mlx5_0).", type: str}
                source: {description: "Always V(sysfs).", type: str}
                driver: {description: "Driver of the PCI function; V(software) for rxe and siw.", type: str}
                firmware_version: {description: "Firmware.", type: str}
                board_id: {description: "Board id (PSID).", type: str}
                hca_type: {description: "Model.", type: str}
                node_description: {description: "Name by which the fabric knows the device.", type: str}
                node_guid: {description: "GUID.", type: str}
                system_image_guid: {description: "GUID of the adapter.", type: str}
                pci_address: {description: "Address of the PCI function.", type: str}
                pci: {description: "PCIe link: C(width), C(width_max) (lanes), C(speed_gts), C(speed_max_gts).", type: dict}
                numa_node: {description: "Memory node.", type: int}
            ports:
              description: "Ports."
              type: list
              elements: dict
              contains:
                label: {description: "Name in messages, such as V(mlx5_0 port 1).", type: str}
                device: {description: "The port's device.", type: str}
                port: {description: "Number, from 1.", type: int}
                source: {description: "Always V(sysfs).", type: str}
                driver: {description: "The device's driver.", type: str}
                hca_type: {description: "The device's model.", type: str}
                board_id: {description: "The device's board id (PSID).", type: str}
                firmware_version: {description: "The device's firmware.", type: str}
                pci_address: {description: "The device's PCI address.", type: str}
                pci: {description: "The device's PCIe link.", type: dict}
                numa_node: {description: "The device's memory node.", type: int}
                state: {description: "V(ACTIVE), V(ARMED), V(INIT) or V(DOWN).", type: str}
                physical_state: {description: "V(LinkUp), V(Polling), V(Disabled), V(Training) and the like.", type: str}
                link_layer: {description: "V(InfiniBand) or V(Ethernet).", type: str}
                rate_gbps: {description: "Rate of all lanes in Gb/s.", type: float}
                lanes: {description: "Lanes in use.", type: int}
                lane_speed: {description: "Name of the lanes' speed, such as V(NDR).", type: str}
                lid: {description: "LID; 0 on Ethernet.", type: int}
                sm_lid: {description: "LID of the subnet manager.", type: int}
                netdev: {description: "Network interface of the port.", type: str}
                gids: {description: "GID table: C(count), C(types) and C(entries) (C(index), C(gid), C(type)); its first 64 places.", type: dict}
                pkeys: {description: "Partition keys in use.", type: list, elements: str}
                traffic_class: {description: "Traffic class that the driver forces on all traffic.", type: int}
                counters: {description: "Port counters by the kernel's names.", type: dict}
                hw_counters: {description: "The adapter's own counters by the kernel's names.", type: dict}
                saturated: {description: "Counters that stand at the most they can count.", type: list, elements: str}
                per_hour: {description: "Mean errors an hour since boot; over at least one hour; null for a counter at its top.", type: dict}
                per_day: {description: "Mean errors a day since boot; over at least one day; null for a counter at its top.", type: dict}
                hw_per_hour: {description: "The same for the adapter's own error counters.", type: dict}
        lldp:
          description: "LLDP."
          type: dict
          contains:
            source: {description: "Always V(lldpcli).", type: str}
            neighbours:
              description: "Neighbours; null when they could not be asked."
              type: list
              elements: dict
              contains:
                label: {description: "Name in messages.", type: str}
                interface: {description: "Interface that hears the neighbour.", type: str}
                chassis_name: {description: "Name of the neighbour.", type: str}
                chassis_id: {description: "Id of the neighbour.", type: str}
                system_description: {description: "What it says of itself.", type: str}
                management_addresses: {description: "Its addresses.", type: list, elements: str}
                capabilities: {description: "What it does, such as V(Bridge).", type: list, elements: str}
                port_id: {description: "Its port.", type: str}
                port_description: {description: "What it calls that port.", type: str}
                age_s: {description: "For how long it has been heard, in seconds.", type: int}
                ttl_s: {description: "For how long it may be silent, in seconds.", type: int}
                vlan_ids: {description: "VLANs that it announces.", type: list, elements: int}
        adapters:
          description: "Adapters as C(devlink dev info) knows them; null when it could not be asked."
          type: list
          elements: dict
          contains:
            label: {description: "Name in messages.", type: str}
            pci_address: {description: "Address of the PCI function.", type: str}
            driver: {description: "Kernel driver.", type: str}
            serial_number: {description: "Serial number.", type: str}
            board_serial_number: {description: "Serial number of the board.", type: str}
            psid: {description: "Board id.", type: str}
            firmware_running: {description: "Firmware that runs.", type: str}
            firmware_stored: {description: "Firmware in the flash.", type: str}
            firmware_pending: {description: "Whether the two differ; null when one is not told.", type: bool}
        errors:
          description: "What could not be asked."
          type: list
          elements: dict
          contains:
            source: {description: "File or command.", type: str}
            reason: {description: "Why.", type: str}
"""

from ansible_collections.muster.fleet.plugins.module_utils.collect import nic
from ansible_collections.muster.fleet.plugins.module_utils.facts_module import run


def main() -> None:
    """Collect the nic facts of this host."""
    run({"nic": nic.collect})


if __name__ == "__main__":
    main()
