"""The host collector on machines made for it, and on the one that runs the tests."""

from __future__ import annotations

import json
import os

import pytest

from ansible_collections.muster.fleet.plugins.module_utils.collect import host, host_system
from ansible_collections.muster.fleet.plugins.module_utils.host import Asked, Host
from ansible_collections.muster.fleet.plugins.module_utils.replay import Replay

CPU = "/sys/devices/system/cpu"
IDENTITY = {
    "hostname": "n1",
    "kernel": "6.8.0-84-generic",
    "machine": "x86_64",
    "uid": 0,
    "python": "3.12.3",
    "now": 1.0,
}


def machine(files=None, **more):
    document = {"muster_recording": 1, "closed": True, "simulated": True, "identity": IDENTITY, "files": files or {}}
    return Replay([{**document, **more}])


def two_sockets():
    """Two sockets of two cores with two threads each; CPU 7 is offline."""
    files = {f"{CPU}/online": "0-6\n", f"{CPU}/offline": "7\n", f"{CPU}/smt/active": "1\n"}
    for number in range(7):
        socket, core = number // 2 % 2, number % 4
        files[f"{CPU}/cpu{number}/topology/core_siblings_list"] = ["0-1,4-5", "2-3,6"][socket]
        files[f"{CPU}/cpu{number}/topology/thread_siblings_list"] = f"{core},{core + 4}" if core < 3 else "3"
    for number, governor in enumerate(["performance"] * 6 + ["powersave"]):
        folder = f"{CPU}/cpufreq/policy{number}"
        files[f"{folder}/scaling_governor"] = governor + "\n"
        files[f"{folder}/cpuinfo_max_freq"] = "3800000\n"
        files[f"{folder}/scaling_max_freq"] = "2000000\n" if number == 6 else "3800000\n"
    return files


def collect(files=None, wanted=None, **more):
    return host.collect(machine(files, **more), wanted or {})


def test_nothing_there_is_nothing_known_and_says_so():
    facts = collect()
    assert facts["cpu"]["sockets"] is None
    assert facts["memory"]["total_bytes"] is None
    assert facts["memory"]["edac"]["controllers"] is None
    assert facts["numa"]["nodes"] is None
    assert facts["modules_loaded"] is None
    assert facts["processes"]["stuck"] is None
    assert facts["kernel"]["arguments"] is None
    assert {"/proc/cpuinfo", "/proc/meminfo", "/proc/cmdline", "/proc"} <= {
        error["source"] for error in facts["errors"]
    }


def test_sockets_cores_threads():
    cpu = collect(two_sockets())["cpu"]
    assert (cpu["sockets"], cpu["cores"], cpu["threads"], cpu["offline"], cpu["smt"]) == (2, 4, 7, [7], True)


def test_siblings_that_make_no_sense_are_no_count():
    files = {**two_sockets(), f"{CPU}/cpu2/topology/core_siblings_list": "{{ 1 }}"}
    assert collect(files)["cpu"]["sockets"] is None


def test_governors_are_grouped_and_frequency_limits_named():
    frequency = collect(two_sockets())["cpu"]["frequency"]
    assert [(entry["label"], entry["governor"]) for entry in frequency["governors"]] == [
        ("CPU policies 0-5", "performance"),
        ("CPU policies 6", "powersave"),
    ]
    assert frequency["limited_policies"] == ["CPU 6: 2000 of 3800 MHz"]


def test_a_governor_that_cannot_be_read_is_a_group_without_value():
    files = {**two_sockets(), f"{CPU}/cpufreq/policy0/scaling_governor": {"state": "failed", "detail": "I/O error"}}
    assert collect(files)["cpu"]["frequency"]["governors"][0]["governor"] is None


def test_arm_core_has_a_name():
    text = "processor\t: 0\nCPU implementer\t: 0x41\nCPU part\t: 0xd4f\n\nprocessor\t: 1\n"
    cpu = collect({"/proc/cpuinfo": text})["cpu"]
    assert (cpu["model"], cpu["vendor"], cpu["hypervisor"]) == ("Neoverse-V2", "ARM", None)


def test_memory_of_accelerators_is_not_the_hosts():
    files = {"/sys/devices/system/node/online": "0-1,10\n"}
    for number, cpus, kilobytes in ((0, "0-71", 500), (1, "72-143", 500), (10, "", 180)):
        files[f"/sys/devices/system/node/node{number}/cpulist"] = cpus
        files[f"/sys/devices/system/node/node{number}/meminfo"] = f"Node {number} MemTotal: {kilobytes} kB\n"
    numa = collect(files)["numa"]
    assert (len(numa["nodes"]), numa["cpu_nodes"], numa["cpu_memory_bytes"]) == (3, 2, 1000 * 1024)


def test_error_counters_of_memory_controllers():
    edac = "/sys/devices/system/edac/mc"
    files = {f"{edac}/mc0/ce_count": "3\n", f"{edac}/mc0/ue_count": "0\n", f"{edac}/mc0/mc_name": "Intel_0\n"}
    (controller,) = collect(files)["memory"]["edac"]["controllers"]
    assert (controller["label"], controller["corrected"], controller["uncorrected"]) == ("memory controller mc0", 3, 0)


@pytest.mark.parametrize(
    ("running", "installed", "newest"),
    [
        ("6.8.0-84-generic", ["6.8.0-84-generic", "6.8.0-100-generic", "6.8.0-1018-nvidia"], "6.8.0-100-generic"),
        ("6.8.0-1018-nvidia-64k", ["6.8.0-1018-nvidia-64k", "6.8.0-1019-nvidia"], "6.8.0-1018-nvidia-64k"),
        ("5.14.0-9.1.el9.x86_64", ["5.14.0-9.1.el9.x86_64", "5.14.0-10.1.el9.x86_64"], "5.14.0-10.1.el9.x86_64"),
        ("6.18.44-fc-v595", [], None),
    ],
)  # fmt: skip
def test_newest_kernel_of_the_same_flavour(running, installed, newest):
    assert host_system.newest(installed, running) == newest


def test_sysctls_are_numbers_or_text_and_dots_in_names_survive():
    files = {
        "/proc/sys/vm/swappiness": "10\n",
        "/proc/sys/net/ipv4/tcp_rmem": "4096\t131072\t33554432\n",
        "/proc/sys/net/ipv4/conf/eth0.100/rp_filter": "2\n",
    }
    names = ["vm.swappiness", "net.ipv4.tcp_rmem", "net.ipv4.conf.eth0/100.rp_filter", "vm.nothing"]
    assert collect(files, {"sysctl": names})["sysctl"] == {
        "vm.swappiness": 10,
        "net.ipv4.tcp_rmem": "4096 131072 33554432",
        "net.ipv4.conf.eth0/100.rp_filter": 2,
        "vm.nothing": None,
    }


def test_a_process_that_does_not_move_is_stuck():
    files = {
        "/proc/7/stat": "7 (nvidia-smi) D 1 7 7\n",
        "/proc/7/status": "voluntary_ctxt_switches:\t5\nnonvoluntary_ctxt_switches:\t1\n",
        "/proc/8/stat": "8 (defunct) Z 1 8 8\n",
        "/proc/9/stat": "9 (bash) S 1 9 9\n",
    }
    found = collect(files)["processes"]
    assert (found["total"], found["zombies"], found["stuck"]) == (3, 1, ["nvidia-smi (7)"])


def test_a_process_that_moved_between_two_looks_is_not_stuck(monkeypatch):
    switches = iter(["1", "2"])
    monkeypatch.setattr(host_system, "_switches", lambda *_unused: next(switches))
    files = {"/proc/7/stat": "7 (dd) D 1 7 7\n"}
    assert host_system.processes(Asked(machine(files)))["stuck"] == []


@pytest.mark.parametrize(("state", "stuck"), [("denied", None), ("failed", None), ("timeout", None), ("absent", [])])
def test_a_process_that_cannot_be_looked_at_may_be_stuck(state, stuck):
    """One that has ended meanwhile is none."""
    files = {"/proc/7/stat": {"state": state}, "/proc/9/stat": "9 (bash) S 1 9 9\n", "/proc/7/status": "x"}
    found = collect(files)
    assert found["processes"]["stuck"] == stuck


DPKG = r"dpkg-query -W -f ${Package}\t${db:Status-Status}\t${Version}\n chrony openssh-server telnet"


def test_packages_from_dpkg():
    out = "chrony\tinstalled\t4.5-1\nopenssh-server\tconfig-files\t1:9\n"
    commands = {DPKG: {"rc": 1, "stdout": out, "stderr": "dpkg-query: no packages found matching telnet"}}
    found = collect(wanted={"packages": ["chrony", "openssh-server", "telnet"]}, commands=commands)["packages"]
    assert {name: (entry["installed"], entry["version"]) for name, entry in found.items()} == {
        "chrony": (True, "4.5-1"),
        "openssh-server": (False, None),
        "telnet": (False, None),
    }


def test_packages_from_rpm():
    out = "chrony\t4.5-1.el9\npackage telnet is not installed\n"
    commands = {r"rpm -q --qf %{NAME}\t%{VERSION}-%{RELEASE}\n chrony telnet": {"rc": 1, "stdout": out}}
    found = collect(wanted={"packages": ["chrony", "telnet"]}, commands=commands)["packages"]
    assert (found["chrony"]["installed"], found["telnet"]["installed"]) == (True, False)


def test_packages_that_nobody_knows_are_unknown():
    facts = collect(wanted={"packages": ["chrony"]})
    assert facts["packages"] is None
    assert {"source": "packages", "reason": "neither dpkg-query nor rpm answered"} in facts["errors"]


@pytest.mark.parametrize(
    ("files", "kind"),
    [
        ({"/sys/class/dmi/id/product_name": "KVM\n"}, "vm"),
        ({"/sys/class/dmi/id/product_name": "SYS-821GE-TNHR\n", "/proc/cpuinfo": "flags\t: fpu vme\n"}, "physical"),
        ({"/sys/class/dmi/id/product_name": "DGX\n", "/proc/cpuinfo": "flags\t: fpu hypervisor\n"}, "vm"),
        ({"/run/systemd/container": "podman\n"}, "container"),
        ({}, None),
    ],
)
def test_virtualization(files, kind):
    assert collect(files)["virtualization"]["kind"] == kind


def test_reboot_is_known_only_where_there_is_a_mark_for_it():
    debian, rhel = "ID=ubuntu\nID_LIKE=debian\n", 'ID="rhel"\nID_LIKE="fedora"\n'
    assert collect({"/etc/os-release": debian})["updates"]["reboot_required"] is False
    assert collect({"/etc/os-release": debian, "/run/reboot-required": ""})["updates"]["reboot_required"] is True
    assert collect({"/etc/os-release": rhel})["updates"]["reboot_required"] is None


@pytest.mark.parametrize(
    ("release", "folder"),
    [("ID=debian\n", "/etc/apt/apt.conf.d"), ('ID="rhel"\n', "/etc/systemd/system/timers.target.wants")],
)
@pytest.mark.parametrize(("state", "automatic"), [("absent", False), ("denied", None), ("failed", None)])
def test_settings_that_nobody_may_read_switch_nothing_off(release, folder, state, automatic):
    facts = collect({"/etc/os-release": release, folder: {"state": state}})
    assert facts["updates"]["automatic"] is automatic


def test_iommu_translation():
    groups = {f"/sys/kernel/iommu_groups/{number}/type": "identity\n" for number in range(3)}
    iommu = collect({**groups, "/sys/class/iommu/dmar0/uevent": ""})["iommu"]
    assert (iommu["units"], iommu["groups"], iommu["passthrough"]) == (1, 3, True)
    mixed = collect({**groups, "/sys/kernel/iommu_groups/9/type": "DMA-FQ\n"})["iommu"]
    assert (mixed["domain_types"], mixed["passthrough"]) == (["DMA-FQ", "identity"], False)


PATHS = [
    "/proc/cpuinfo",
    "/proc/meminfo",
    "/proc/cmdline",
    "/proc/modules",
    "/proc/uptime",
    "/proc/loadavg",
    "/proc/self/limits",
    "/proc/pressure/memory",
    "/proc/7/stat",
    "/proc/sys/fs/file-nr",
    "/proc/sys/kernel/tainted",
    "/etc/os-release",
    "/sys/devices/system/node/online",
    "/sys/devices/system/edac/mc/mc0/ue_count",
    "/sys/kernel/mm/hugepages/hugepages-2048kB/nr_hugepages",
    f"{CPU}/online",
    f"{CPU}/cpufreq/policy0/scaling_governor",
    f"{CPU}/vulnerabilities/meltdown",
]


@pytest.mark.parametrize("data", ["", "\x00\udcff\udcfe", "{{ 7 * 7 }}", "<script>", "9" * 400, "a\nb\n\n" * 5000])
def test_garbage_everywhere_costs_values_and_nothing_else(data):
    facts = collect(dict.fromkeys(PATHS, data), {"sysctl": ["kernel.tainted"]})
    assert json.loads(json.dumps(facts)) == facts
    assert facts["memory"]["total_bytes"] is None
    assert facts["cpu"]["sockets"] is None


def test_everything_denied_is_told():
    refused = {"state": "denied", "detail": "Permission denied"}
    facts = collect(dict.fromkeys(PATHS, refused))
    assert {"source": "/proc/meminfo", "reason": "denied: Permission denied"} in facts["errors"]


def test_wanted_is_what_the_profile_names():
    profile = {"host": {"sysctl": {"vm.swappiness": 10}, "modules": ["nvidia"], "packages": ["chrony"]}}
    assert host.wanted(profile) == {"sysctl": ["vm.swappiness"], "modules": ["nvidia"], "packages": ["chrony"]}
    assert host.wanted({}) == {"sysctl": [], "modules": [], "packages": []}


@pytest.mark.skipif(not os.path.exists("/proc/meminfo"), reason="this machine has no /proc to compare with")
def test_this_machine_is_told_as_it_is():
    facts = host.collect(Host(), {})
    with open("/proc/meminfo", encoding="ascii") as stream:
        assert facts["memory"]["total_bytes"] == int(stream.readline().split()[1]) * 1024
    assert facts["kernel"]["release"] == os.uname().release
    assert facts["cpu"]["threads"] >= len(os.sched_getaffinity(0))
    assert facts["processes"]["total"] > 0


def clocked(currents, **more):
    files = {f"{CPU}/online": "0-3\n", **more}
    for number, kilohertz in enumerate(currents):
        folder = f"{CPU}/cpufreq/policy{number}"
        files[f"{folder}/scaling_governor"] = "performance\n"
        files[f"{folder}/cpuinfo_max_freq"] = files[f"{folder}/scaling_max_freq"] = "4000000\n"
        files[f"{folder}/scaling_cur_freq"] = kilohertz
    return collect(files)["cpu"]


@pytest.mark.parametrize(
    ("currents", "base", "percent"),
    [
        (["800000", "800000", "3800000", "800000"], {"cpufreq/policy0/base_frequency": "2000000\n"}, 190.0),
        (["800000"] * 4, {"cpufreq/policy0/base_frequency": "2000000\n"}, 40.0),
        (["800000"] * 4, {"cpu0/acpi_cppc/nominal_freq": "3200\n"}, 25.0),
        (["800000"] * 4, {}, 40.0),  # of half of the highest clock
        (["800000", "3800000", "x", "800000"], {}, None),
        ([], {}, None),
    ],
)  # fmt: skip
def test_the_fastest_cpu_speaks_for_all_because_idle_ones_say_nothing(currents, base, percent):
    frequency = clocked(currents, **{f"{CPU}/{name}": text for name, text in base.items()})["frequency"]
    assert frequency["fastest_percent"] == percent


def throttled(count, time_ms, uptime="36000.00 1.00\n"):
    files = {"/proc/uptime": uptime}
    for number in range(4):
        for part in ("core", "package"):
            folder = f"{CPU}/cpu{number}/thermal_throttle/{part}_throttle"
            files[f"{folder}_count"] = count if (number, part) == (2, "package") else "0\n"
            if time_ms is not None:
                files[f"{folder}_total_time_ms"] = time_ms if number == 2 else "0\n"
    return clocked(["4000000"] * 4, **files)["throttle"]


@pytest.mark.parametrize(
    ("count", "time_ms", "per_hour", "percent", "timed"),
    [
        ("0\n", "0\n", 0.0, 0.0, True),
        ("500\n", "360000\n", 50.0, 1.0, True),
        ("500\n", None, 50.0, None, False),  # before Linux 5.5
        ("500\n", "x", 50.0, None, True),
        ("x", "0\n", None, None, True),
        ({"state": "denied", "detail": ""}, "0\n", None, None, True),
    ],
)
def test_throttling_is_told_as_counts_an_hour_and_as_a_share_of_time(count, time_ms, per_hour, percent, timed):
    found = throttled(count, time_ms)
    assert (found["counted"], found["per_hour"], found["time_percent"], found["timed"]) == (
        True, per_hour, percent, timed,
    )  # fmt: skip


def test_throttling_without_an_uptime_has_no_rate():
    found = throttled("500\n", "360000\n", uptime="x")
    assert (found["per_hour"], found["time_percent"]) == (None, None)


def test_a_processor_that_counts_no_throttling_says_so():
    assert clocked(["4000000"])["throttle"]["counted"] is False


def test_power_limits_beside_what_the_processor_is_rated_for():
    zones = {
        "intel-rapl:0": ("package-0", "1", "175000000", "350000000"),
        "intel-rapl:1": ("package-1", "0", "175000000", "350000000"),
        "intel-rapl:2": ("package-2", "1", "175000000", "0"),
        "intel-rapl:3": ("package-3", "1", "?", "350000000"),
        "intel-rapl:4": ("psys", "1", "1", "350000000"),
        "intel-rapl:0:0": ("dram", "1", "1", "350000000"),
    }
    files = {}
    for zone, (name, enabled, limit, rated) in zones.items():
        base = f"/sys/class/powercap/{zone}"
        files.update({f"{base}/name": name, f"{base}/enabled": enabled, f"{base}/constraint_0_name": "short_term",
                      f"{base}/constraint_1_name": "long_term", f"{base}/constraint_0_power_limit_uw": "999000000",
                      f"{base}/constraint_1_power_limit_uw": limit,
                      f"{base}/constraint_1_max_power_uw": rated})  # fmt: skip
    power = collect(files)["cpu"]["power"]
    assert [(one["label"], one["limit_percent"]) for one in power["limits"]] == [
        ("package-0", 50.0),
        ("package-3", None),
    ]
    assert (power["unrated"], power["unlimited"]) == (["package-2"], ["package-1"])
