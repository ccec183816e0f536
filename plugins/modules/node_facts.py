#!/usr/bin/python
# Copyright (c) 2026 the muster.fleet authors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

from __future__ import annotations

DOCUMENTATION = r"""
---
module: node_facts
short_description: Everything about a machine in one round trip
version_added: 0.1.0
description:
  - Runs all collectors side by side. One that breaks or hangs costs its own domain only.
  - Changes nothing on the host.
author: muster.fleet authors (@muster-fleet)
extends_documentation_fragment:
  - muster.fleet.attributes
  - muster.fleet.attributes.read_only
  - muster.fleet.attributes.facts
options:
  gather_subset:
    description: Domains to collect. All when empty.
    type: list
    elements: str
    choices: [host, time, security, pci, gpu, nic, firmware, storage, log, service, cluster]
    default: []
  wanted:
    description:
      - "What to look at besides the usual, by domain, for example C({host: {sysctl: [vm.swappiness]}})."
      - The role P(muster.fleet.verify#role) derives it from the profile.
    type: dict
    default: {}
"""

EXAMPLES = r"""
- name: Ask for everything
  muster.fleet.node_facts:

- name: Ask for accelerators and network only
  muster.fleet.node_facts:
    gather_subset: [gpu, nic]

- name: Look at a recording instead of the machine
  muster.fleet.node_facts:
    replay: [/tmp/gpu-a01-03.json]
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
    muster_host:
      description: "Processor, memory, kernel and operating system."
      returned: when the domain is asked for
      type: dict
      contains:
        source: {description: "Where most of it came from.", type: str}
        hostname: {description: "Host name as the kernel knows it.", type: str}
        architecture: {description: "Machine type of the kernel.", type: str}
        user_id: {description: "Numeric id of the user who asked; 0 sees most.", type: int}
        python: {description: "Version of the Python that asked.", type: str}
        machine_id_hash: {description: "Digest of the machine id; two machines with the same one were cloned.", type: str}
        boot_id: {description: "Identifier of the running boot.", type: str}
        uptime_s: {description: "Time since boot in seconds.", type: float}
        os:
          description: "The distribution."
          type: dict
          contains:
            source: {description: "The file it came from.", type: str}
            id: {description: "Identifier.", type: str}
            id_like: {description: "Identifiers of the distributions it derives from.", type: list, elements: str}
            version_id: {description: "Version.", type: str}
            codename: {description: "Code name of the version.", type: str}
            name: {description: "Name for people.", type: str}
        kernel:
          description: "The running kernel, how it was started, and what is installed beside it."
          type: dict
          contains:
            source: {description: "Where it came from.", type: str}
            release: {description: "Release of the running kernel.", type: str}
            build: {description: "Its build string.", type: str}
            arguments: {description: "Arguments of the command line in order; values of secrets are replaced by V(***).", type: list, elements: str}
            tainted: {description: "The kernel's taint bits.", type: int}
            taints: {description: "Those taints that point at damage.", type: list, elements: str}
            installed: {description: "Kernels in /boot; empty on a machine that starts over the network.", type: list, elements: str}
            newest_installed: {description: "The newest of them of the running kernel's flavour.", type: str}
        virtualization:
          description: "What kind of machine this is."
          type: dict
          contains:
            source: {description: "Where it came from.", type: str}
            kind: {description: "V(physical), V(vm), V(container), or null when it does not show.", type: str}
            name: {description: "Name of the hypervisor or container engine.", type: str}
        cpu:
          description: "The processors."
          type: dict
          contains:
            source: {description: "Where it came from.", type: str}
            model: {description: "Model name.", type: str}
            vendor: {description: "Vendor.", type: str}
            hypervisor: {description: "Whether the processor says that it runs under a hypervisor; null where it has no such flag.", type: bool}
            microcode: {description: "Microcode revision of the first processor.", type: str}
            threads: {description: "Number of CPU threads online.", type: int}
            offline: {description: "Numbers of CPUs offline.", type: list, elements: int}
            sockets: {description: "Number of processors with a CPU online.", type: int}
            cores: {description: "Number of cores with a CPU online.", type: int}
            smt: {description: "Whether simultaneous multithreading is in use.", type: bool}
            frequency:
              description: "Summary of the frequency policies."
              type: dict
              contains:
                source: {description: "Where it came from.", type: str}
                policies: {description: "Number of policies.", type: int}
                driver: {description: "Driver of the first policy.", type: str}
                governors:
                  description: "One entry for each governor in use."
                  type: list
                  elements: dict
                  contains:
                    label: {description: "The policies it governs.", type: str}
                    governor: {description: "Its name.", type: str}
                    policies: {description: "How many policies it governs.", type: int}
                max_mhz: {description: "Highest frequency of the hardware in MHz.", type: int}
                limit_mhz: {description: "Lowest limit that is set for a policy in MHz.", type: int}
                limited_policies: {description: "CPUs whose limit is below the highest frequency of their hardware.", type: list, elements: str}
                boost: {description: "Whether frequencies above the base are allowed.", type: bool}
                fastest_mhz: {description: "Clock of the fastest CPU at the moment of asking in MHz; idle CPUs may be slow, all of them at once may not.", type: int}
                slowest_mhz: {description: "Clock of the slowest CPU at that moment in MHz.", type: int}
                base_mhz: {description: "Base frequency in MHz; null where the driver names none.", type: int}
                fastest_percent: {description: "The fastest clock as a share of the base frequency (else of half of the highest one) in percent.", type: float}
            throttle:
              description: "How the processors were throttled since boot."
              type: dict
              contains:
                source: {description: "Where it came from.", type: str}
                counted: {description: "Whether the kernel counts it (Intel's processors only).", type: bool}
                timed: {description: "Whether it also measures how long (Linux 5.5 and later).", type: bool}
                worst: {description: "The CPU with the most events; null where there was none.", type: str}
                count: {description: "Its events since boot.", type: int}
                per_hour: {description: "The same as a mean an hour.", type: float}
                time_percent: {description: "Share of the time since boot in which the CPU with the longest time was throttled, in percent.", type: float}
            power:
              description: "Power limits of the processors (RAPL)."
              type: dict
              contains:
                source: {description: "Where it came from.", type: str}
                limits:
                  description: "The lasting limit of each processor that tells its rated power."
                  type: list
                  elements: dict
                  contains:
                    label: {description: "Name of the processor.", type: str}
                    limit_w: {description: "Its limit in watts.", type: float}
                    rated_w: {description: "Its rated power in watts.", type: float}
                    limit_percent: {description: "The limit as a share of the rated power in percent.", type: float}
                unrated: {description: "Processors that do not tell their rated power.", type: list, elements: str}
                unlimited: {description: "Processors whose limit is switched off.", type: list, elements: str}
            idle_driver: {description: "Driver of idle states.", type: str}
            vulnerabilities: {description: "Name of each known flaw and what the kernel says of it; null where it does not know.", type: dict}
        numa:
          description: "NUMA nodes."
          type: dict
          contains:
            source: {description: "Where it came from.", type: str}
            nodes:
              description: "Nodes that hold CPUs or memory."
              type: list
              elements: dict
              contains:
                label: {description: "Name of the node.", type: str}
                index: {description: "Its number.", type: int}
                cpus: {description: "List of its CPUs.", type: str}
                cpu_count: {description: "Number of its CPUs.", type: int}
                memory_total_bytes: {description: "Its memory in bytes.", type: int}
                memory_free_bytes: {description: "Its free memory in bytes.", type: int}
                distances: {description: "Distances to all nodes.", type: list, elements: int}
            cpu_nodes: {description: "Number of nodes with CPUs; memory of accelerators forms nodes without.", type: int}
            cpu_memory_bytes: {description: "Memory of the nodes with CPUs in bytes.", type: int}
            balancing: {description: "Whether the kernel moves pages between nodes by itself.", type: bool}
        memory:
          description: "Memory of the machine."
          type: dict
          contains:
            source: {description: "Where it came from.", type: str}
            total_bytes: {description: "All memory of the kernel in bytes, that of accelerators included where they share it.", type: int}
            available_bytes: {description: "Memory that can be used without swapping, in bytes.", type: int}
            available_percent: {description: "The same as a share of the whole in percent.", type: float}
            free_large_blocks_percent: {description: "Share of the free memory that lies in blocks of 2 MiB and more, in percent.", type: float}
            hardware_corrupted_bytes: {description: "Memory set aside as broken, in bytes.", type: int}
            swap_total_bytes: {description: "Swap space in bytes.", type: int}
            swap_used_bytes: {description: "Used swap space in bytes.", type: int}
            huge_pages:
              description: "Reserved huge pages by size."
              type: list
              elements: dict
              contains:
                label: {description: "Name of the pool.", type: str}
                size_bytes: {description: "Size of a page in bytes.", type: int}
                total: {description: "Number of pages.", type: int}
                free: {description: "Number of free pages.", type: int}
            huge_pages_default: {description: "The same for the default size.", type: dict}
            transparent_huge_pages: {description: "V(always), V(madvise) or V(never).", type: str}
            transparent_huge_pages_defrag: {description: "When the kernel makes room for them.", type: str}
            edac:
              description: "Error counters of the memory controllers."
              type: dict
              contains:
                state_detail: {description: "Why there are no counters; null when there are.", type: str}
                source: {description: "Where it came from.", type: str}
                controllers:
                  description: "The controllers; null where no driver counts errors."
                  type: list
                  elements: dict
                  contains:
                    label: {description: "Name of the controller.", type: str}
                    name: {description: "What its driver calls it.", type: str}
                    size_bytes: {description: "Memory behind it in bytes.", type: int}
                    corrected: {description: "Corrected errors since its counters were reset.", type: int}
                    uncorrected: {description: "Uncorrectable errors since then.", type: int}
                    age_s: {description: "Time since then in seconds.", type: int}
        shared_memory:
          description: "Size of /dev/shm."
          type: dict
          contains:
            source: {description: "Where it came from.", type: str}
            total_bytes: {description: "Size in bytes.", type: int}
            available_bytes: {description: "Available space in bytes.", type: int}
        modules_loaded: {description: "Names of all loaded kernel modules; null for a kernel without modules.", type: list, elements: str}
        modules: {description: "Name of each module that matters or is asked for, and a mapping with label, name, loaded and version.", type: dict}
        job:
          description: "What jobs open on this machine, counted against the devices that its drivers have."
          type: dict
          contains:
            source: {description: "Where it came from.", type: str}
            devices: {description: "Accelerators and RDMA devices that a driver has; null when that cannot be told.", type: int}
            modules:
              description: "Kernel modules that jobs need on these devices and on the fabric of the profile."
              type: list
              elements: dict
              contains:
                label: {description: "Name used in messages.", type: str}
                name: {description: "Its name.", type: str}
                loaded: {description: "Whether it is loaded or a part of the kernel.", type: bool}
            nodes:
              description: "Device nodes that jobs open."
              type: list
              elements: dict
              contains:
                label: {description: "Path of the node, and its device.", type: str}
                path: {description: "Path of the node; null where the driver made none.", type: str}
                device: {description: "Its device; null for a node of the whole driver.", type: str}
                state: {description: "V(present), V(missing), V(not a device node), V(not made by the driver), or null.", type: str}
                state_detail: {description: "Why it could not be told.", type: str}
            node_links:
              description: "The nodes that are there, and whether /dev/char leads to them."
              type: list
              elements: dict
              contains:
                label: {description: "Path of the node.", type: str}
                linked: {description: "Whether a link in /dev/char leads to it.", type: bool}
            libraries:
              description: "Libraries of the NVIDIA driver that every job loads from the host; empty without such a driver."
              type: list
              elements: dict
              contains:
                label: {description: "Name that programs load it by.", type: str}
                path: {description: "Where the loader finds it.", type: str}
                size_bytes: {description: "Size of the file in bytes.", type: int}
                state: {description: "V(loadable), V(missing), or what is wrong with the file, such as V(empty) or V(cut short).", type: str}
                state_detail: {description: "Why it could not be told.", type: str}
        environment:
          description: "Variables of NCCL, CUDA, ROCm and their like that are set for every job of the machine."
          type: dict
          contains:
            source: {description: "Where they were looked for.", type: str}
            harmful: {description: "Those that slow jobs or hide accelerators, each with its file; null while a file could not be read and none was found.", type: list, elements: str}
            unclear: {description: "Those whose value is worked out when the file is read.", type: list, elements: str}
        dkms:
          description: "Kernel modules that DKMS builds."
          type: dict
          contains:
            source: {description: "Where it came from.", type: str}
            modules:
              description: "One entry for each module and for each of the kernel that runs and the newest one installed."
              type: list
              elements: dict
              contains:
                label: {description: "Module and kernel.", type: str}
                name: {description: "Name of the module.", type: str}
                kernel: {description: "Release of the kernel.", type: str}
                built: {description: "Whether it is built for that kernel.", type: bool}
        tuning:
          description: "How the system is tuned."
          type: dict
          contains:
            source: {description: "Where it came from.", type: str}
            tuned_profile: {description: "Active profile of tuned; null where it is not installed.", type: str}
            crash_kernel_loaded: {description: "Whether a kernel waits to dump a crash.", type: bool}
        sysctl: {description: "Kernel settings that the profile asks for, numbers as numbers.", type: dict}
        iommu:
          description: "The IOMMU."
          type: dict
          contains:
            source: {description: "Where it came from.", type: str}
            units: {description: "Number of IOMMU units.", type: int}
            groups: {description: "Number of groups of devices.", type: int}
            enabled: {description: "Whether it is in use.", type: bool}
            domain_types: {description: "Kinds of translation in use.", type: list, elements: str}
            passthrough: {description: "Whether all groups pass addresses through.", type: bool}
        clock:
          description: "The kernel's clock source."
          type: dict
          contains:
            source: {description: "Where it came from.", type: str}
            current: {description: "The one in use.", type: str}
            available: {description: "Those that could be used.", type: list, elements: str}
        load:
          description: "Load averages."
          type: dict
          contains:
            source: {description: "Where it came from.", type: str}
            one: {description: "Over one minute.", type: float}
            five: {description: "Over five minutes.", type: float}
            fifteen: {description: "Over fifteen minutes.", type: float}
            per_thread: {description: "Over five minutes for each CPU thread online.", type: float}
        pressure:
          description: "Percent of time in which some or all tasks waited, by resource, as V(some) and V(full) with avg10, avg60 and avg300."
          type: dict
          contains:
            source: {description: "Where it came from.", type: str}
            accounted: {description: "Whether the kernel keeps these figures.", type: bool}
            cpu: {description: "Waiting for a CPU.", type: dict}
            memory: {description: "Waiting for memory.", type: dict}
            io: {description: "Waiting for input and output.", type: dict}
        processes:
          description: "Processes that need attention."
          type: dict
          contains:
            source: {description: "Where it came from.", type: str}
            total: {description: "Number of processes.", type: int}
            zombies: {description: "Number of zombie processes.", type: int}
            irqbalance: {description: "Whether irqbalance runs.", type: bool}
            stuck: {description: "Processes in uninterruptible sleep that did not run between two looks.", type: list, elements: str}
        limits:
          description: "Limits; 18446744073709551615 stands for unlimited."
          type: dict
          contains:
            source: {description: "Where it came from.", type: str}
            files_max: {description: "Open files the kernel allows.", type: int}
            files_open: {description: "Open files.", type: int}
            pid_max: {description: "Highest process number.", type: int}
            threads_max: {description: "Threads the kernel allows.", type: int}
            files_open_percent: {description: "Open files as a share of what the kernel allows, in percent.", type: float}
            threads_percent: {description: "Processes and threads as a share of what the kernel allows, in percent.", type: float}
            session_locked_memory_bytes: {description: "Memory that this session may lock, in bytes.", type: int}
            session_open_files: {description: "Files that a process of this session may open.", type: int}
            session_processes: {description: "Processes that this user may have.", type: int}
        packages:
          description: >-
            Name of each package asked for, and a mapping with label, name, installed and version; null when none
            was asked for.
          type: dict
        updates:
          description: "Pending and automatic updates."
          type: dict
          contains:
            source: {description: "Where it came from.", type: str}
            reboot_required: {description: "Whether a reboot is pending; null where the distribution leaves no mark.", type: bool}
            automatic: {description: "Whether the system installs updates by itself.", type: bool}
        cgroup_version: {description: "Version of control groups in use.", type: int}
        init: {description: "Name of process 1.", type: str}
        errors:
          description: "What could not be read."
          type: list
          elements: dict
          contains:
            source: {description: "What was asked.", type: str}
            reason: {description: "Why there is no answer.", type: str}
    muster_time:
      description: "Clock and its synchronisation."
      returned: when the domain is asked for
      type: dict
      contains:
        source: {description: "The daemon's tool that answered.", type: str}
        now_s: {description: "The machine's clock in seconds since 1970.", type: float}
        daemon: {description: "The daemon that keeps the clock: V(chrony), V(ntpd), V(timesyncd) or V(ptp4l).", type: str}
        daemons: {description: "All active time daemons; empty when none is active.", type: list, elements: str}
        reference: {description: "The source that is followed.", type: str}
        stratum: {description: "Steps from a reference clock.", type: int}
        offset_s: {description: "Distance of the clock from its reference in seconds.", type: float}
        rms_offset_s: {description: "Its long-term average in seconds; chrony only.", type: float}
        frequency_ppm: {description: "How fast the clock would drift in parts per million; chrony only.", type: float}
        root_delay_s: {description: "Delay to the reference clock in seconds; chrony only.", type: float}
        root_dispersion_s: {description: "Largest error on that way in seconds; chrony only.", type: float}
        leap: {description: "Leap second state.", type: str}
        synchronised: {description: "Whether the daemon follows a source.", type: bool}
        sources:
          description: "The sources that chrony has."
          type: list
          elements: dict
          contains:
            label: {description: "Name of the source in messages.", type: str}
            name: {description: "Its address.", type: str}
            mode: {description: "V(server), V(peer) or V(reference clock).", type: str}
            state: {description: "What chrony makes of it.", type: str}
            stratum: {description: "Its stratum.", type: int}
            reachable: {description: "Whether it answered any of the last eight questions.", type: bool}
            offset_s: {description: "Distance that was measured last, in seconds.", type: float}
        reachable_sources: {description: "Number of sources that answer.", type: int}
        ptp:
          description: "State of ptp4l where it runs."
          type: dict
          contains:
            source: {description: "Where it came from.", type: str}
            grandmaster: {description: "Identity of the grandmaster.", type: str}
            grandmaster_present: {description: "Whether there is one.", type: bool}
            offset_s: {description: "Distance from it in seconds.", type: float}
        kernel:
          description: "The kernel's own view."
          type: dict
          contains:
            source: {description: "Where it came from.", type: str}
            synchronised: {description: "Whether the kernel regards its clock as synchronised.", type: bool}
            rtc_local: {description: "Whether the hardware clock keeps local time.", type: bool}
            zone: {description: "Time zone.", type: str}
        zone: {description: "Time zone.", type: str}
        rtc:
          description: "The hardware clock."
          type: dict
          contains:
            source: {description: "Where it came from.", type: str}
            name: {description: "Its driver.", type: str}
            offset_s: {description: "Distance from the system clock in seconds; it counts whole seconds.", type: float}
        errors:
          description: "What could not be read."
          type: list
          elements: dict
          contains:
            source: {description: "What was asked.", type: str}
            reason: {description: "Why there is no answer.", type: str}
    muster_security:
      description: "Access, firewall and audit."
      returned: when the domain is asked for
      type: dict
      contains:
        source: {description: "Where most of it came from.", type: str}
        user_id: {description: "Numeric id of the user who asked.", type: int}
        sshd:
          description: "Settings of the SSH daemon for every connection; what holds in Match blocks is left out."
          type: dict
          contains:
            state_detail: {description: "What kept its sources from answering; null when all did.", type: str}
            source: {description: "V(sshd -T), or V(/etc/ssh/sshd_config) when that could not be run.", type: str}
            effective: {description: "Whether defaults are included. Without them a setting that is not stated is null.", type: bool}
            ports: {description: "Ports it listens on.", type: list, elements: int}
            root_login: {description: "V(yes), V(no), V(prohibit-password) or V(forced-commands-only).", type: str}
            password_authentication: {description: "Whether passwords are accepted.", type: bool}
            keyboard_interactive: {description: "Whether keyboard-interactive authentication is accepted.", type: bool}
            public_key_authentication: {description: "Whether keys are accepted.", type: bool}
            empty_passwords: {description: "Whether empty passwords are accepted.", type: bool}
            x11_forwarding: {description: "Whether X11 is forwarded.", type: bool}
            host_based_authentication: {description: "Whether other hosts vouch for their users.", type: bool}
            use_pam: {description: "Whether PAM is used.", type: bool}
            ciphers: {description: "Ciphers offered.", type: list, elements: str}
            macs: {description: "Message authentication codes offered.", type: list, elements: str}
            key_exchanges: {description: "Key exchanges offered.", type: list, elements: str}
            max_auth_tries: {description: "Tries for each connection.", type: int}
            login_grace_s: {description: "Time to log in, in seconds.", type: int}
        ssh_host_keys:
          description: "Public host keys; two machines with the same one were cloned."
          type: list
          elements: dict
          contains:
            label: {description: "Name of the key in messages.", type: str}
            kind: {description: "Kind of key.", type: str}
            fingerprint: {description: "Its fingerprint as ssh-keygen shows it.", type: str}
        firewall:
          description: "What becomes of packets that come in."
          type: dict
          contains:
            state_detail: {description: "What kept its sources from answering; null when all did.", type: str}
            source: {description: "V(nft), V(iptables) or V(iptables-legacy).", type: str}
            active: {description: "Whether a policy or a rule keeps anything out.", type: bool}
            chains:
              description: "The chains that incoming packets meet."
              type: list
              elements: dict
              contains:
                label: {description: "Name of the chain.", type: str}
                policy: {description: "V(accept) or V(drop).", type: str}
                rules: {description: "Number of its rules.", type: int}
                filters: {description: "Whether it keeps anything out.", type: bool}
            managers: {description: "Services that manage the rules.", type: list, elements: str}
        audit:
          description: "The kernel's audit."
          type: dict
          contains:
            state_detail: {description: "What kept its sources from answering; null when all did.", type: str}
            source: {description: "Where it came from.", type: str}
            enabled: {description: "0 is off, 1 is on, 2 is on and locked until reboot.", type: int}
            failure_mode: {description: "0 is silent, 1 logs, 2 panics.", type: int}
            lost: {description: "Records lost since boot.", type: int}
            backlog: {description: "Records that wait for the daemon.", type: int}
            rules: {description: "Number of rules loaded.", type: int}
            daemon_active: {description: "Whether auditd is active.", type: bool}
            log_action: {description: "What auditd does with a full log, V(keep_logs), V(rotate), ...", type: str}
        mandatory_access:
          description: "SELinux and AppArmor."
          type: dict
          contains:
            source: {description: "Where it came from.", type: str}
            modules: {description: "Security modules of the kernel.", type: list, elements: str}
            selinux: {description: "V(enforcing) or V(permissive); null where it is not in use.", type: str}
            apparmor: {description: "Whether it is enabled.", type: bool}
            apparmor_enforced_profiles: {description: "Number of profiles that are enforced.", type: int}
            enforcing: {description: "Whether either confines anything.", type: bool}
        module_signatures: {description: "Whether the kernel loads signed modules only; null where it does not tell.", type: bool}
        lockdown:
          description: "The kernel's lockdown."
          type: dict
          contains:
            source: {description: "Where it came from.", type: str}
            mode: {description: "V(off), V(integrity) or V(confidentiality).", type: str}
            active: {description: "Whether it is on.", type: bool}
        kernel: {description: "Kernel settings that harden it, by name, as numbers.", type: dict}
        accounts:
          description: "Local accounts."
          type: dict
          contains:
            state_detail: {description: "What kept its sources from answering; null when all did.", type: str}
            source: {description: "Where it came from.", type: str}
            uid_0: {description: "Accounts with user id 0.", type: list, elements: str}
            shared_uids: {description: "Accounts that share a user id.", type: list, elements: str}
            without_password: {description: "Accounts that need no password.", type: list, elements: str}
            with_password: {description: "Number of accounts that have one.", type: int}
            people: {description: "Number of accounts of people.", type: int}
        sudo:
          description: "Sudo rules."
          type: dict
          contains:
            state_detail: {description: "What kept its sources from answering; null when all did.", type: str}
            source: {description: "Where it came from.", type: str}
            rules_without_password: {description: "Number of rules that ask for no password.", type: int}
            files: {description: "Number of files read.", type: int}
        permissions:
          description: "Permissions of system paths."
          type: dict
          contains:
            source: {description: "Where it came from.", type: str}
            writable_by_all: {description: "System paths that everybody can write to.", type: list, elements: str}
            readable_by_all: {description: "Secret files that everybody can read.", type: list, elements: str}
            tmp_sticky: {description: "Whether files in /tmp can be removed by their owners only.", type: bool}
        errors:
          description: "What could not be read."
          type: list
          elements: dict
          contains:
            source: {description: "What was asked.", type: str}
            reason: {description: "Why there is no answer.", type: str}
    muster_pci:
      description: "PCI functions."
      returned: when the domain is asked for
      type: dict
      contains:
        source: {description: "Where the facts come from; always V(sysfs).", type: str}
        function_count: {description: "Number of PCI functions of any kind; null where there is no PCI tree.", type: int}
        role_counts:
          description: >-
            Number of functions of interest by role (V(gpu), V(nic), V(nvme), V(nvswitch), V(bridge)); null where
            there is no PCI tree.
          type: dict
          contains:
            bridge: {description: "Bridges above accelerators and network adapters.", type: int}
            gpu: {description: "Accelerators.", type: int}
            nic: {description: "Network adapters.", type: int}
            nvme: {description: "NVMe controllers.", type: int}
            nvswitch: {description: "NVSwitches.", type: int}
        link_counts: {description: "Number of functions by RV(ansible_facts.muster_pci.devices[].link_role), V(none) left out.", type: dict}
        devices:
          description: "The functions of interest. Virtual functions are left out, the physical one counts them."
          type: list
          elements: dict
          contains:
            label: {description: "Name used in messages, such as V(PCI 0000:1b:00.0).", type: str}
            address: {description: "Domain, bus, device and function, in lower case.", type: str}
            role: {description: "One of V(gpu), V(nic), V(nvme), V(raid), V(nvswitch), V(bridge).", type: str}
            vendor_id: {description: "Vendor, such as V(0x10de).", type: str}
            device_id: {description: "Device, such as V(0x2330).", type: str}
            subsystem_vendor_id: {description: "Vendor of the board.", type: str}
            subsystem_device_id: {description: "Number of the board.", type: str}
            class: {description: "Class code, such as V(0x030200).", type: str}
            driver: {description: "Kernel driver that holds the function; V(none) where none does.", type: str}
            numa_node: {description: "Memory node; -1 where the firmware gives no affinity.", type: int}
            upstream: {description: "Address of the bridge above; null on a root bus.", type: str}
            width: {description: "Lanes in use; null without a link or when the function no longer answers.", type: int}
            width_max: {description: "Lanes that the function could use.", type: int}
            speed_gts: {description: "Link speed in GT/s.", type: float}
            speed_max_gts: {description: "Highest link speed of the function in GT/s.", type: float}
            link_role: {description: "What its link is judged as, V(accelerator), V(nic) or V(drive); V(none) without a link, and for adapters whose link the profile states.", type: str}
            width_possible: {description: "Lanes that both the function and the port above it could use.", type: int}
            speed_possible_gts: {description: "Highest link speed of both in GT/s.", type: float}
            aer_capable: {description: "Whether the function logs PCIe errors (Advanced Error Reporting).", type: bool}
            aer:
              description: "Errors since boot that the function has logged (Advanced Error Reporting)."
              type: dict
              contains:
                correctable: {description: "Corrected errors.", type: int}
                nonfatal: {description: "Uncorrected, non-fatal errors.", type: int}
                fatal: {description: "Fatal errors.", type: int}
            bar_max_bytes: {description: "Size of the largest memory window in bytes.", type: int}
            sriov_capable: {description: "Whether the function can have virtual functions.", type: bool}
            sriov_vfs: {description: "Number of virtual functions in use.", type: int}
            iommu_group: {description: "IOMMU group; null where no IOMMU is in use.", type: str}
            iommu_type:
              description: >-
                How the IOMMU treats the group: V(identity) (pass-through), V(DMA), V(DMA-FQ); V(off) where no
                IOMMU is in use.
              type: str
            lost: {description: "Whether the configuration space reads as all ones (the function fell off the bus).", type: bool}
            max_payload_bytes: {description: "Largest packet that the function may send (root only).", type: int}
            max_payload_supported_bytes: {description: "Largest packet that the function could send (root only).", type: int}
            max_read_request_bytes: {description: "Largest read that the function may ask for (root only).", type: int}
            acs_redirect: {description: "Whether ACS sends peer-to-peer traffic up to the root complex (root only).", type: bool}
            dpc_enabled: {description: "Whether downstream port containment is switched on (root only).", type: bool}
            dpc_triggered: {description: "Whether the port holds back what lies behind it after an error (root only).", type: bool}
            switch_nics: {description: "Accelerators only: labels of the NICs behind the same PCIe switch.", type: list, elements: str}
            leads_to: {description: "Bridges only: roles of what lies below (V(gpu), V(nic)).", type: list, elements: str}
        errors: {description: "What could not be read, and why.", type: list, elements: dict}
    muster_gpu:
      description: Accelerators. The fields are those of M(muster.fleet.gpu_facts).
      returned: when the domain is asked for
      type: dict
    muster_nic:
      description: Network devices, RDMA ports and neighbours. The fields are those of M(muster.fleet.nic_facts).
      returned: when the domain is asked for
      type: dict
    muster_firmware:
      description: Firmware, BIOS settings and inventory of parts. The fields are those of M(muster.fleet.firmware_facts).
      returned: when the domain is asked for
      type: dict
    muster_storage:
      description: "File systems, disks and their health."
      returned: when the domain is asked for
      type: dict
      contains:
        source: {description: "Where most of it came from, V(sysfs).", type: str}
        mounts:
          description: "One entry for each file system on disks or the network, and for each mount that the profile wants."
          type: list
          elements: dict
          contains:
            label: {description: "The mount point.", type: str}
            target: {description: "The mount point.", type: str}
            source: {description: "What is mounted.", type: str}
            device: {description: "Its major and minor number.", type: str}
            fstype: {description: "Type of the file system.", type: str}
            kind: {description: "V(local), V(network) or V(other).", type: str}
            options: {description: "Options of the mount and of the file system.", type: list, elements: str}
            read_only: {description: "Whether mount or file system is read-only.", type: bool}
            wanted: {description: "Whether the profile asks for this mount.", type: bool}
            state: {description: "V(ok), V(no_answer) within 3 seconds, or V(not_asked).", type: str}
            inodes_counted: {description: "Whether this file system has a fixed number of inodes.", type: bool}
            space:
              description: "How full it is; null when it did not answer."
              type: dict
              contains:
                total_bytes: {description: "Size in bytes.", type: int}
                available_bytes: {description: "What users may still write in bytes.", type: int}
                used_percent: {description: "Space used in percent as df counts it.", type: float}
                inodes: {description: "Number of inodes.", type: int}
                inodes_used_percent: {description: "Inodes used in percent.", type: float}
        missing_mounts: {description: "Mounts that the profile wants and the machine has not.", type: list, elements: str}
        unmounted: {description: "What fstab says and the machine does not do, not mounted or read-only, in words.", type: list, elements: str}
        devices:
          description: "Whole block devices, without loop devices and what is made of others."
          type: list
          elements: dict
          contains:
            label: {description: "Kernel name.", type: str}
            name: {description: "Kernel name.", type: str}
            size_bytes: {description: "Size in bytes.", type: int}
            model: {description: "Model.", type: str}
            rotational: {description: "Whether it turns.", type: bool}
            removable: {description: "Whether it is removable media.", type: bool}
            read_only: {description: "Whether it is write-protected.", type: bool}
            scheduler: {description: "I/O scheduler in use.", type: str}
            state: {description: "What the driver says of its state.", type: str}
        nvme:
          description: "NVMe controllers; null when they cannot be listed."
          type: list
          elements: dict
          contains:
            label: {description: "Kernel name.", type: str}
            name: {description: "Kernel name.", type: str}
            state: {description: "What the driver says, V(live) when it is well.", type: str}
            model: {description: "Model.", type: str}
            serial: {description: "Serial number.", type: str}
            firmware: {description: "Firmware revision.", type: str}
            transport: {description: "How it is attached, V(pcie) mostly.", type: str}
            pci_address: {description: "PCI address.", type: str}
            numa_node: {description: "Memory node it hangs on.", type: int}
            namespaces: {description: "Its namespaces.", type: list, elements: str}
            temperature_c: {description: "Composite temperature in degrees Celsius.", type: float}
            smart:
              description: "Its health log; null when no tool could read it."
              type: dict
              contains:
                source: {description: "V(nvme) or V(smartctl).", type: str}
                critical_warning: {description: "Bits of the critical warning.", type: int}
                spare_percent: {description: "Spare cells left in percent.", type: int}
                spare_threshold_percent: {description: "The threshold that the drive states in percent.", type: int}
                used_percent: {description: "Endurance used in percent; may exceed 100.", type: int}
                media_errors: {description: "Reads and writes that could not be put right.", type: int}
                error_log_entries: {description: "Entries of its error log.", type: int}
                power_on_hours: {description: "Hours in use.", type: int}
                unsafe_shutdowns: {description: "Times it lost power unprepared.", type: int}
                temperature_c: {description: "Composite temperature in degrees Celsius.", type: int}
        nvme_count: {description: "Number of NVMe controllers that the driver uses.", type: int}
        arrays:
          description: "Software RAID arrays."
          type: list
          elements: dict
          contains:
            label: {description: "Name.", type: str}
            name: {description: "Name.", type: str}
            state: {description: "V(active) or V(inactive).", type: str}
            level: {description: "RAID level.", type: str}
            members: {description: "Its members.", type: list, elements: str}
            failed: {description: "Members that failed.", type: list, elements: str}
            expected: {description: "How many members it should have; null without redundancy.", type: int}
            active: {description: "How many work.", type: int}
            degraded: {description: "How many are missing; null without redundancy.", type: int}
            action: {description: "What is going on: recovery, resync, check, ...", type: str}
            progress_percent: {description: "How far that is in percent.", type: float}
        arrays_unhealthy: {description: "Arrays that are inactive or lack members; in words.", type: list, elements: str}
        pools:
          description: "ZFS pools."
          type: list
          elements: dict
          contains:
            label: {description: "Name.", type: str}
            name: {description: "Name.", type: str}
            state: {description: "Its state, V(ONLINE) when it is well.", type: str}
        pools_unhealthy: {description: "Pools that are not online; in words.", type: list, elements: str}
        filesystems:
          description: "The error counters that ext4 keeps on disk."
          type: list
          elements: dict
          contains:
            label: {description: "Block device.", type: str}
            kind: {description: "Type of the file system.", type: str}
            errors: {description: "Errors counted since its last check.", type: int}
        filesystems_damaged: {description: "File systems that counted errors; in words.", type: list, elements: str}
        fuse:
          description: "Connections of FUSE; empty where there is none."
          type: list
          elements: dict
          contains:
            label: {description: "Number of the connection.", type: str}
            waiting: {description: "Requests that wait.", type: int}
            congestion_threshold: {description: "Requests from which on the kernel calls it congested.", type: int}
            waiting_percent: {description: "The one as a share of the other in percent.", type: float}
        lustre:
          description: "The Lustre client."
          type: dict
          contains:
            source: {description: "The file that tells; null where there is no Lustre.", type: str}
            present: {description: "Whether Lustre is loaded.", type: bool}
            health: {description: "V(healthy), else what its health check says.", type: str}
        swap:
          description: "Swap areas in use."
          type: list
          elements: dict
          contains:
            label: {description: "Name.", type: str}
            device: {description: "Name.", type: str}
            kind: {description: "V(partition) or V(file).", type: str}
            size_bytes: {description: "Size in bytes.", type: int}
            used_bytes: {description: "What is in use in bytes.", type: int}
        errors:
          description: "What could not be read."
          type: list
          elements: dict
          contains:
            source: {description: "What was asked.", type: str}
            reason: {description: "What became of it.", type: str}
    muster_log:
      description: "Events of the kernel log, and how far the log can be trusted."
      returned: when the domain is asked for
      type: dict
      contains:
        source:
          description: >-
            Where the log came from, V(journalctl), V(dmesg), V(/dev/kmsg) or V(/var/log/kern.log); several with a comma
            between them where the first does not tell the whole window.
          type: str
        state: {description: "What became of reading it, V(ok), V(denied), V(absent), V(timeout), V(failed) or V(unrecorded).", type: str}
        window_s: {description: "How far back was looked, in seconds.", type: int}
        covered_s: {description: "How many seconds of that window the log is known to be complete for; null when that cannot be said.", type: int}
        complete:
          description: >-
            Whether the whole window was seen. Only then does an empty list in RV(ignore:found) mean that nothing
            happened.
          type: bool
        from_at: {description: "From when on the log is complete, ISO 8601 in UTC.", type: str}
        to_at: {description: "When it was read, ISO 8601 in UTC.", type: str}
        boot_id: {description: "Identifier of the running boot.", type: str}
        booted_at: {description: "When the machine was booted, ISO 8601 in UTC.", type: str}
        lines: {description: "How many lines of the window were read.", type: int}
        truncated: {description: "Whether there was more than is read (20,000 lines or 16 MiB).", type: bool}
        persistent: {description: "Whether the journal is kept on disk and outlives a reboot.", type: bool}
        crash_records:
          description: >-
            What earlier crashes left behind in pstore and in kdump's folders; null when it cannot be listed.
          type: list
          elements: str
        events:
          description: "What happened, like with like, the oldest first; at most 500. Null when no log could be read."
          type: list
          elements: dict
          contains:
            label: {description: "The event in a few words.", type: str}
            family:
              description: >-
                Who reports it: xid, sxid, nvidia, amdgpu, habanalabs, nvme, md, block, filesystem, netfs, network,
                mlx5, fabric (other adapters), driver (probes), thermal, mce, memory, aer, iommu, clock, limits, oom,
                lockup, hung_task, panic, host (other lines of IOMMU, drive and file system drivers), kernel; spread and
                rate are what many Xids show together.
              type: str
            code: {description: "Its number, or what kind it is.", type: str}
            pci_address: {description: "The PCI function it names.", type: str}
            device: {description: "The device it names otherwise.", type: str}
            severity: {description: "V(critical), V(warning) or V(info).", type: str}
            known: {description: "Whether the number or message is in the tables of this collection.", type: bool}
            meaning: {description: "What it means.", type: str}
            action: {description: "What to do.", type: str}
            count: {description: "How often it was logged in the window.", type: int}
            first_at: {description: "When it was first logged, ISO 8601 in UTC; null when the line has no time.", type: str}
            last_at: {description: "When it was last logged, ISO 8601 in UTC.", type: str}
            this_boot: {description: "Whether a line of it is from the running boot; null when the source does not say.", type: bool}
            over: {description: "V(recovered) when a later line says that it is over, V(booted) when the last restart cured it, else null.", type: str}
            recovered_at: {description: "When it recovered, ISO 8601 in UTC.", type: str}
            processes: {description: "How many different processes its lines name; at most 1000.", type: int}
            sample: {description: "Its first line, cut at 200 characters.", type: str}
        found:
          description: >-
            The events said in words, by family and by grade (V(critical), V(warning), V(info), V(unknown) for
            numbers and messages that no table knows). An empty list means that nothing of the kind happened in
            the window; null that it is not known. Events that are over are in RV(ignore:notes) instead.
          type: dict
        notes:
          description: >-
            What needs nothing, said in words: events that recovered or that the last restart cured, and information of
            families that no check of its own tells. Null when it is not known.
          type: list
          elements: str
        errors:
          description: "What could not be read."
          type: list
          elements: dict
          contains:
            source: {description: "What was asked.", type: str}
            reason: {description: "What became of it.", type: str}
    muster_service:
      description: Units, containers and listening sockets asked for. The fields are those of M(muster.fleet.service_facts).
      returned: when the domain is asked for
      type: dict
    muster_cluster:
      description: >-
        What this machine is a part of, seen from it and without credentials. What was not asked for is null.
      returned: when the domain is asked for
      type: dict
      contains:
        endpoints:
          description: "HTTP endpoints that were asked for: services, registries and vaults."
          type: list
          elements: dict
          contains:
            label: {description: "Name of the item as used in messages.", type: str}
            name: {description: "Name in the profile.", type: str}
            kind: {description: "V(service), V(registry) or V(vault).", type: str}
            source: {description: "The address asked.", type: str}
            answers: {description: "Whether it answers at all; null when that cannot be said.", type: bool}
            status: {description: "HTTP status without credentials.", type: int}
            wanted_status: {description: "The statuses that the profile wants.", type: list, elements: int}
            has_wanted_text: {description: "Whether the profile asks for a text in the body.", type: bool}
            says: {description: "Whether the body says it. The body itself is not kept.", type: bool}
            encrypted: {description: "Whether it was asked over TLS.", type: bool}
            certificate_days: {description: "Days until its certificate ends.", type: int}
        exporters:
          description: "Exporters that were asked for."
          type: list
          elements: dict
          contains:
            label: {description: "Name of the item as used in messages.", type: str}
            name: {description: "Name in the profile.", type: str}
            source: {description: "The address asked.", type: str}
            answers: {description: "Whether it serves a whole page of metrics; null when that cannot be said.", type: bool}
            families: {description: "How many families of metrics it serves.", type: int}
            names_families: {description: "Whether the profile names families that it must serve.", type: bool}
            missing: {description: "Families that the profile wants and that are not served; null where it names none.", type: list, elements: str}
            implausible: {description: "Wanted families with NaN, an infinity or a blank mark; null where none is named.", type: list, elements: str}
            reports_collectors: {description: "Whether it says of its parts whether they work, as node_exporter does.", type: bool}
            failed_collectors: {description: "Parts of a node_exporter that failed; null where it says nothing of them.", type: list, elements: str}
            tells_of_devices: {description: "Whether the profile names families that it serves per device.", type: bool}
            devices: {description: "Of how many devices each of those families tells, at least.", type: int}
            devices_by_family: {description: "The same, family by family.", type: dict}
        kubelet:
          description: "The kubelet of this node."
          type: dict
          contains:
            label: {description: "Name of the item as used in messages.", type: str}
            source: {description: "Its health address.", type: str}
            healthy: {description: "Whether its health port says ok.", type: bool}
            settings:
              description: "Settings of its configuration file, as text; null where the file does not say."
              type: dict
              contains:
                source: {description: "The file.", type: str}
                cgroup_driver: {description: "cgroupDriver.", type: str}
                anonymous: {description: "authentication.anonymous.enabled.", type: str}
                authorization: {description: "authorization.mode.", type: str}
                read_only_port: {description: "readOnlyPort.", type: str}
                topology_policy: {description: "topologyManagerPolicy.", type: str}
                cpu_policy: {description: "cpuManagerPolicy.", type: str}
            certificate_days: {description: "Days until its client certificate ends.", type: int}
            plugin_sockets: {description: "Sockets of device plugins.", type: list, elements: str}
            resources:
              description: "The extended resources that were asked for."
              type: list
              elements: dict
              contains:
                label: {description: "Name of the item as used in messages.", type: str}
                name: {description: "Name of the resource.", type: str}
                source: {description: "The device manager's checkpoint.", type: str}
                wanted: {description: "How many devices there should be.", type: int}
                devices: {description: "How many are registered.", type: int}
        log_forwarders:
          description: "Processes that carry logs away."
          type: list
          elements: dict
          contains:
            label: {description: "Name of the item as used in messages.", type: str}
            name: {description: "Name; of alternatives the one that runs.", type: str}
            source: {description: "V(/proc).", type: str}
            running: {description: "Whether it runs.", type: bool}
            connections: {description: "Its connections to other machines; null unless all its sockets could be seen.", type: int}
        paths:
          description: "Paths and names that were asked for."
          type: list
          elements: dict
          contains:
            label: {description: "Name of the item as used in messages.", type: str}
            name: {description: "Name in the profile.", type: str}
            kind: {description: "V(open) or V(closed), as it should be, or V(name) for a name that should resolve.", type: str}
            source: {description: "What was tried.", type: str}
            open: {description: "Whether a connection was made within three seconds, or the name resolved.", type: bool}
        prometheus:
          description: "Prometheus servers that were asked for."
          type: list
          elements: dict
          contains:
            label: {description: "Name of the item as used in messages.", type: str}
            name: {description: "Name in the profile.", type: str}
            source: {description: "The address asked.", type: str}
            answers: {description: "Whether it is ready.", type: bool}
            targets: {description: "How many targets it scrapes.", type: int}
            targets_down: {description: "Job and instance of those that are down, at most 20; null where it has none.", type: list, elements: str}
            alert_rules: {description: "How many alerts it has loaded.", type: int}
            names_alerts: {description: "Whether the profile names alerts that it must have loaded.", type: bool}
            alerts_missing: {description: "Alerts asked for that are not loaded; null where none was asked for.", type: list, elements: str}
            alerts_unhealthy: {description: "Alerts that cannot be evaluated; null where none is loaded.", type: list, elements: str}
            alertmanagers: {description: "How many alert managers it hands alerts to.", type: int}
            asks_workload: {description: "Whether queries about workloads were asked for.", type: bool}
            workload_missing: {description: "Those without a fresh value.", type: list, elements: str}
            asks_queue: {description: "Whether queries about queues were asked for.", type: bool}
            queue_missing: {description: "Those without a fresh value.", type: list, elements: str}
        slurm:
          description: "Slurm as this node sees it."
          type: dict
          contains:
            label: {description: "Name of the item as used in messages.", type: str}
            source: {description: "V(scontrol).", type: str}
            controllers:
              description: "The controllers."
              type: list
              elements: dict
              contains:
                label: {description: "Name of the item as used in messages.", type: str}
                name: {description: "Host name.", type: str}
                role: {description: "V(primary), V(backup), ...", type: str}
                source: {description: "The command.", type: str}
                up: {description: "Whether it answers.", type: bool}
            controllers_up: {description: "How many answer.", type: int}
            settings:
              description: "Settings that the controller runs by; unset ones are V(none)."
              type: dict
              contains:
                source: {description: "The command.", type: str}
                accounting_enforce: {description: "AccountingStorageEnforce.", type: list, elements: str}
                partition_limits: {description: "EnforcePartLimits.", type: str}
                preempt_mode: {description: "PreemptMode.", type: str}
                preempt_type: {description: "PreemptType.", type: str}
                priority_age: {description: "PriorityWeightAge.", type: int}
                priority_fair_share: {description: "PriorityWeightFairShare.", type: int}
                priority_type: {description: "PriorityType.", type: str}
                process_tracking: {description: "ProctrackType.", type: str}
                scheduler: {description: "SchedulerType.", type: str}
                topology: {description: "TopologyPlugin.", type: str}
                confines_devices: {description: "ConstrainDevices of cgroup.conf.", type: str}
                epilog_set: {description: "Whether an Epilog is set.", type: bool}
                health_check_set: {description: "Whether a HealthCheckProgram is set.", type: bool}
            node:
              description: "This node's entry, and what slurmd finds here."
              type: dict
              contains:
                source: {description: "The command.", type: str}
                states: {description: "The words that say whether it takes jobs, V(NOT_RESPONDING) among them when the controller does not hear from it; null while an unheard-of word stands beside words that are all fit for work.", type: list, elements: str}
                flags: {description: "The other words of its state: what it is (V(CLOUD), V(DYNAMIC_NORM)), and words that are not known.", type: list, elements: str}
                state_detail: {description: "The state as Slurm printed it, when one of its words is not known.", type: str}
                gpus: {description: "Accelerators in its Gres.", type: int}
                cpus: {description: "Processors configured.", type: int}
                memory_mb: {description: "Memory configured in MiB.", type: int}
                cpus_seen: {description: "Processors that slurmd sees.", type: int}
                memory_mb_seen: {description: "Memory that slurmd sees in MiB.", type: int}
            accounts_without_quota: {description: "Accounts asked for that have no limit.", type: list, elements: str}
        counts:
          description: "How many of the above some checks are about."
          type: dict
          contains:
            encrypted: {description: "Endpoints asked over TLS.", type: int}
            with_text: {description: "Endpoints whose body should say something.", type: int}
            of_devices: {description: "Exporters that should tell of devices.", type: int}
            with_families: {description: "Exporters for which the profile names families.", type: int}
            with_collectors: {description: "Exporters that say whether their parts work.", type: int}
            with_alerts: {description: "Prometheus servers for which the profile names alerts.", type: int}
            workload_series: {description: "Prometheus servers asked about workloads.", type: int}
            queue_series: {description: "Prometheus servers asked about queues.", type: int}
        errors:
          description: "What could not be seen."
          type: list
          elements: dict
          contains:
            source: {description: "What was asked.", type: str}
            reason: {description: "What became of it.", type: str}
"""

from ansible_collections.muster.fleet.plugins.module_utils.collect.node import COLLECTORS
from ansible_collections.muster.fleet.plugins.module_utils.facts_module import run

OPTIONS = {
    "gather_subset": {"type": "list", "elements": "str", "choices": list(COLLECTORS), "default": []},
    "wanted": {"type": "dict", "default": {}},
}


def main() -> None:
    """Collect all facts of this host."""
    run(COLLECTORS, OPTIONS, lambda params: params["wanted"])


if __name__ == "__main__":
    main()
