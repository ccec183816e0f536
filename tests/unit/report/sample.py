# Copyright (c) 2026 the muster.fleet authors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Records as a judge would give them: a simulated rack of 12 hosts for looking at, or as many as a test wants."""

from __future__ import annotations

import random
from typing import Any

from ansible_collections.muster.fleet.plugins.plugin_utils import run as runs

AT = "2026-11-23T02:14:0{}Z"

# prefix, phase, severity, unit, what is wanted, things it is said of
_TABLE: list[tuple[str, int, str, str, Any, str]] = [
    ("bmc.power", 1, "critical", "", "on", "chassis"),
    ("bmc.psu", 1, "major", "", "OK", "redundancy firmware input_voltage health"),
    ("bmc.account", 1, "critical", "", "changed", "default_password anonymous_login"),
    ("bmc.clock", 1, "minor", "s", 0, "offset"),
    ("firmware.bios", 2, "major", "", "as profiled", "version settings secure_boot iommu sriov numa_per_socket"),
    ("firmware.nic", 2, "major", "", "28.42.1000", "version psid uniform"),
    ("firmware.gpu", 2, "major", "", "96.00.99.00.01", "vbios inforom gsp uniform"),
    ("host.cpu", 3, "major", "", "performance", "governor count microcode c_states smt"),
    ("host.memory", 3, "critical", "GiB", 2048, "total channels corrected_errors uncorrected_errors"),
    ("host.kernel", 3, "major", "", "6.8.0-60-generic", "version cmdline modules taint oops"),
    ("host.sysctl", 3, "minor", "", 1, "somaxconn rmem_max wmem_max swappiness numa_balancing max_map_count"),
    ("host.limits", 3, "minor", "", "unlimited", "memlock nofile core"),
    ("time.sync", 3, "major", "ms", 0.1, "offset source stratum service"),
    ("storage.fs", 3, "major", "%", 20, "root_free scratch_free inodes_free read_only mounts"),
    ("storage.nvme", 3, "major", "%", 100, "spare wear media_errors temperature count firmware"),
    ("nic.link", 4, "critical", "Gb/s", 400, "state speed width errors flaps"),
    ("nic.pcie", 4, "critical", "", 16, "width generation errors"),
    ("nic.rdma", 4, "critical", "", "Active", "state gid mtu counters symbol_errors"),
    ("nic.roce", 4, "major", "", "on", "pfc ecn dscp buffer"),
    ("nic.mtu", 4, "major", "", 9000, "jumbo"),
    ("gpu.count", 5, "critical", "", 8, "driver pci"),
    ("gpu.pcie", 5, "critical", "", 16, "width generation replays"),
    ("gpu.ecc", 5, "critical", "", 0, "enabled uncorrected pending sram_threshold remap_pending remap_failed"),
    ("gpu.thermal", 5, "major", "°C", 75, "temperature memory margin throttle"),
    ("gpu.power", 5, "major", "W", 700, "limit draw brake"),
    ("gpu.clock", 5, "minor", "MHz", 1980, "sm memory locked"),
    ("gpu.link", 5, "critical", "", 18, "active speed errors"),
    ("gpu.fabric", 5, "critical", "", "completed", "state health clique"),
    ("gpu.driver", 5, "major", "", "580.95.05", "version library persistence compute_mode mig"),
    ("gpu.xid", 5, "critical", "", 0, "recent"),
    ("service.runtime", 6, "major", "", "active", "containerd nvidia_toolkit device_plugin kubelet"),
    ("service.fabricmanager", 6, "critical", "", "active", "state version"),
    ("log.kernel", 9, "major", "", 0, "mce aer hung_task oom nvrm"),
    ("service.exporter", 9, "minor", "", "active", "node dcgm"),
    ("security.ssh", 10, "major", "", "no", "root_login password_auth"),
    ("security.system", 10, "minor", "", "on", "firewall auditd updates lockdown"),
    ("security.mitigations", 10, "info", "", "Mitigation", "spectre meltdown"),
]  # fmt: skip
_CLASSES = {
    "head-a01-01": ("cpu_only", 42), **{f"gpu-a01-0{n}": ("hgx_h100", 42 - 8 * n) for n in range(1, 6)},
    "tray-a02-01": ("gb200_tray", 40), "tray-a02-02": ("gb200_tray", 38), "mi-a02-01": ("mi300x", 30),
    "mi-a02-02": ("mi300x", 22), "hl-a02-01": ("gaudi3", 14), "hl-a02-02": ("gaudi3", 6),
}  # fmt: skip

Row = dict[str, Any]


def catalogue(copies: int = 1) -> dict[str, Any]:
    """Some 120 checks; ``copies`` makes a bigger catalogue of them."""
    entries: dict[str, Any] = {}
    for copy in range(copies):
        for prefix, phase, severity, _unit, wanted, names in _TABLE:
            for name in names.split():
                thing = f"{prefix.split('.')[1].replace('_', ' ')} {name.replace('_', ' ')}"
                entries[f"{prefix}.{name}" + (f".{copy}" if copy else "")] = {
                    "title": f"{prefix.split('.')[0].upper()}: {thing} is {wanted} on every device",
                    "what": thing, "severity": severity, "phase": phase, "source": "profile",
                    "why": f"When {thing} is off, jobs slow down or die and no scheduler notices.",
                    "fix": f"Compare {thing} with the profile, correct it, then run the verification again.",
                    "covers": [f"piqc:{phase}.1"],
                }  # fmt: skip
    return entries


def row(check: str, entry: Row, status: str = "pass", item: str | None = None, **more: Any) -> Row:
    """A result row; what is not given is filled with plausible values."""
    return {
        "id": check, "item": item, "items": 1 if item else 8, "status": status, "severity": entry["severity"],
        "phase": entry["phase"], "observed": None, "expected": None, "message": "", "source": "sysfs",
        "threshold_from": "profile hgx_h100", "at": AT.format(3), "reason": None,
    } | more  # fmt: skip


def bad(check: str, entry: Row, item: str, observed: Any, expected: Any, **more: Any) -> Row:
    """A failing row with the usual form of message."""
    message = f"{item}: {entry['what']} is {observed}, expected {expected} (profile hgx_h100)"
    return row(check, entry, "fail", item, observed=observed, expected=expected, message=message, **more)


def silent(check: str, entry: Row, item: str | None, why: str) -> Row:
    """An unknown row."""
    message = f"{item + ': ' if item else ''}{entry['what']} could not be seen: {why}"
    return row(check, entry, "unknown", item, reason=why, message=message)


def record(name: str, checks: dict[str, Any], klass: str = "hgx_h100", slot: int | None = 1, **more: Any) -> Row:
    """A healthy host, in rack ``a01`` or as its name says."""
    results = [
        row(check, entry, "not_applicable", reason=f"profile {klass} has no accelerators")
        if klass == "cpu_only" and check.startswith("gpu.")
        else row(check, entry)
        for check, entry in checks.items()
    ]
    return {
        "name": name, "verdict": "ready", "rack": name.split("-")[1], "slot": slot, "class": klass, "profile": klass,
        "reached": True, "reason": None, "simulated": True, "planted": {"faults": [], "finds": {}},
        "phases": {str(phase): "ready" for phase in sorted({entry["phase"] for entry in checks.values()})},
        "took_s": 1.84, "results": results, "errors": [], "catalogue": checks,
        "facts_summary": {"model": "HGX H100 8-GPU", "accelerators": "8x H100 SXM 80 GB", "driver": "580.95.05",
                          "kernel": "6.8.0-60-generic", "memory": "2048 GiB"},
    } | more  # fmt: skip


def put(host: Row, rows: list[Row], verdict: str) -> None:
    """Replace the rows of the checks that ``rows`` are about, and plant exactly that."""
    checks = {entry["id"] for entry in rows}
    host["results"] = [entry for entry in host["results"] if entry["id"] not in checks] + rows
    host["verdict"] = verdict
    for entry in rows:
        if entry["status"] in ("fail", "unknown"):
            host["planted"]["finds"][entry["id"]] = entry["status"]
            host["planted"]["faults"].append(entry["id"].replace(".", "_"))
            host["phases"][str(entry["phase"])] = "not_ready" if entry["status"] == "fail" else "unknown"


def records() -> list[Row]:
    """The rack: broken, degraded, hung and waived hosts among healthy ones; hl-a02-02 never answers."""
    checks = catalogue()
    made = {name: record(name, checks, klass, slot) for name, (klass, slot) in _CLASSES.items() if name != "hl-a02-02"}

    def c(check: str) -> tuple[str, Row]:
        return check, checks[check]

    gpu3, gpu5 = "GPU 3 (0000:4e:00.0)", "GPU 5 (0000:9d:00.0)"
    put(made["gpu-a01-02"], [
        bad(*c("gpu.pcie.width"), gpu3, 8, 16, source="nvml"), row(*c("gpu.pcie.width"), items=7),
        bad(*c("nic.link.state"), "mlx5_2 port 1", "Down", "Active"), row(*c("nic.link.state"), items=7),
        bad(*c("host.sysctl.numa_balancing"), "kernel.numa_balancing", 1, 0),
    ], "not_ready")  # fmt: skip
    hung = [check for check in checks if check.startswith("gpu.")]
    put(made["gpu-a01-03"], [silent(*c(check), None, "nvidia-smi did not answer within 20 s") for check in hung],
        "unknown")  # fmt: skip
    made["gpu-a01-03"]["errors"] = [
        {"domain": "gpu", "source": "nvidia-smi -q -x", "reason": "did not answer within 20 s, process group killed"},
        {"domain": "log", "source": "/dev/kmsg", "reason": "permission denied"},
    ]
    put(made["gpu-a01-04"], [
        bad(*c("gpu.ecc.uncorrected"), gpu5, 14, 0, source="nvml"),
        bad(*c("gpu.ecc.remap_pending"), gpu5, True, False, source="nvml"),
        bad(*c("gpu.xid.recent"), gpu5, "48, 63, 94", "none", source="/dev/kmsg"),
        bad(*c("gpu.thermal.throttle"), "GPU 0 (0000:1b:00.0)", ["hw_thermal"], []),
        bad(*c("bmc.account.default_password"), "account ADMIN", "default", "changed", source="Redfish"),
        bad(*c("host.sysctl.numa_balancing"), "kernel.numa_balancing", 1, 0),
    ], "not_ready")  # fmt: skip
    put(made["gpu-a01-05"], [
        bad(*c("host.sysctl.numa_balancing"), "kernel.numa_balancing", 1, 0),
        row(*c("firmware.nic.version"), "waived", "mlx5_0", observed="28.39.1002", expected="28.42.1000",
            reason="until 2026-12-15, owner j.doe: vendor holds 28.42 back for this board"),
    ], "degraded")  # fmt: skip
    put(made["tray-a02-02"], [
        bad(*c("gpu.fabric.state"), "GPU 1 (0009:01:00.0)", "in progress", "completed", source="nvml"),
        bad(*c("time.sync.offset"), "chrony", 48.2, 0.1),
    ], "not_ready")  # fmt: skip
    put(made["mi-a02-02"], [bad(*c("storage.nvme.wear"), "nvme3n1", 97, 80, source="nvme")], "not_ready")
    stopped = made["hl-a02-01"]
    put(stopped, [bad(*c("firmware.bios.version"), "BIOS", "1.2", "2.4a", source="dmi")], "not_ready")
    stopped["results"] = [entry for entry in stopped["results"] if entry["phase"] <= 2]
    stopped["phases"] |= dict.fromkeys(("3", "4", "5", "6", "9", "10"), "not_reached")
    stopped["reason"] = "stopped at phase 2: a critical or major check failed"
    return list(made.values())


def meta(**more: Any) -> Row:
    """What the run says of itself."""
    silent_host = {"rack": "a02", "slot": 6, "class": "gaudi3", "simulated": True,
                   "planted": {"faults": ["unreachable"], "finds": {}}}  # fmt: skip
    return {
        "run_id": "2026-11-23T021400Z-7f3a", "started": "2026-11-23T02:14:00Z", "finished": "2026-11-23T02:14:09Z",
        "collection_version": "1.0.0", "report": "reports/2026-11-23T021400Z-7f3a/index.html",
        "inventory": {"hl-a02-02": silent_host}, "fleet": [], "catalogue": catalogue(),
    } | more  # fmt: skip


def rack(**more: Any) -> dict[str, Any]:
    """The run of the rack, compared with one before it in which other things were wrong."""
    before = records()
    by_name = {entry["name"]: entry for entry in before}
    checks = catalogue()
    clean = record("gpu-a01-04", checks, slot=10)
    put(by_name["mi-a02-01"], [bad("gpu.power.limit", checks["gpu.power.limit"], "GPU 2", 550, 750)], "not_ready")
    before = [clean if entry["name"] == "gpu-a01-04" else entry for entry in before]
    earlier = runs.assemble(before, list(_CLASSES), meta(run_id="2026-11-22T021400Z-11c0"), None)
    return runs.assemble(records(), list(_CLASSES), meta(**more), earlier)


def fleet_of(hosts: int, copies: int = 3, broken_percent: int = 20, seed: int = 7) -> dict[str, Any]:
    """A big run, in racks of eight."""
    rng, checks, made = random.Random(seed), catalogue(copies), []
    names = list(checks)
    for number in range(hosts):
        host = record(f"gpu-r{number // 8:03}-{number % 8:02}", checks, slot=40 - 4 * (number % 8), simulated=False,
                      planted=None)  # fmt: skip
        if rng.randrange(100) < broken_percent:
            host["planted"] = {"faults": [], "finds": {}}
            rows = [bad(check, checks[check], f"GPU {rng.randrange(8)} (0000:4e:00.0)", rng.randrange(9), 16)
                    for check in rng.sample(names, rng.randint(1, 12))]  # fmt: skip
            put(host, rows, "not_ready")
            host["planted"] = None
        made.append(host)
    return runs.assemble(made, [host["name"] for host in made], meta(inventory={}), None)
