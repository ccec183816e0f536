# Copyright (c) 2026 the muster.fleet authors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What exporters, the kubelet, Slurm and the services around a simulated node answer."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping
from typing import Any
from urllib.parse import quote

from .node import NOW, Node
from .recording import Recording

NODE_EXPORTER = "http://127.0.0.1:9100"
KUBELET = "http://127.0.0.1:10248"
KUBELET_ROOT = "/var/lib/kubelet"
KUBELET_CERTIFICATE = f"{KUBELET_ROOT}/pki/kubelet-client-current.pem"
PLUGIN_SOCKET = "accelerators.sock"
CHECKPOINT = f"{KUBELET_ROOT}/device-plugins/kubelet_internal_checkpoint"
DATABASE, FORBIDDEN, NAME = "10.20.0.21:5432", "10.9.0.1:22", "registry.rack.example"
SERVERS = {
    "gateway": "http://127.0.0.1:8080",
    "portal": "https://portal.rack.example",
    "registry": "https://registry.rack.example",
    "vault": "https://vault.rack.example:8200",
}
PATHS = {"gateway": "/health", "portal": "/", "registry": "/v2/", "vault": "/v1/sys/health"}
SERVICES = (
    ("gateway", 200, '{"status": "healthy", "database": "connected"}'),
    ("portal", 200, "<!doctype html><title>Portal</title>"),
    ("registry", 401, '{"errors":[{"code":"UNAUTHORIZED","message":"authentication required"}]}'),
    ("vault", 200, '{"initialized":true,"sealed":false,"standby":false}'),
)
COUNTS = {"hgx_h100": 8, "gb200_tray": 4, "mi300x": 8, "gaudi3": 8}
RESOURCES = {
    "hgx_h100": "nvidia.com/gpu",
    "gb200_tray": "nvidia.com/gpu",
    "mi300x": "amd.com/gpu",
    "gaudi3": "habana.ai/gaudi",
}
GRES_TYPES = {"hgx_h100": "h100", "gb200_tray": "gb200", "mi300x": "mi300x", "gaudi3": "gaudi3"}
HARDWARE = {  # processors, sockets, cores of a socket, threads of a core, MiB that slurmd sees
    "hgx_h100": (224, 2, 56, 2, 2063844),
    "gb200_tray": (144, 2, 72, 1, 956238),
    "mi300x": (192, 2, 96, 1, 2321544),
    "gaudi3": (224, 2, 56, 2, 1031888),
    "cpu_only": (64, 2, 16, 2, 257568),
}
NODE_FAMILIES = {
    "node_cpu_seconds_total": '{cpu="0",mode="idle"}',
    "node_memory_MemAvailable_bytes": "",
    "node_filesystem_avail_bytes": '{device="/dev/md0",fstype="ext4",mountpoint="/"}',
    "node_network_up": '{device="eno1"}',
    "node_load1": "",
    "node_time_seconds": "",
}
COLLECTORS = ("cpu", "diskstats", "edac", "filesystem", "infiniband", "loadavg", "meminfo", "netdev", "nvme", "timex")
EXPORTERS: dict[str, tuple[str, str, dict[str, float]]] = {  # server, how a device is labelled, value by family
    "hgx_h100": ("http://127.0.0.1:9400", 'gpu="{n}",UUID="GPU-{id}",device="nvidia{n}",pci_bus_id="{n}"',
                 {"DCGM_FI_DEV_GPU_UTIL": 0, "DCGM_FI_DEV_FB_USED": 4, "DCGM_FI_DEV_GPU_TEMP": 31,
                  "DCGM_FI_DEV_POWER_USAGE": 71.4, "DCGM_FI_DEV_XID_ERRORS": 0}),
    "mi300x": ("http://127.0.0.1:5000", 'gpu_id="{n}",serial_number="{id}",card_series="AMD Instinct MI300X OAM"',
               {"gpu_gfx_activity": 0, "gpu_used_vram": 283, "gpu_junction_temperature": 38, "gpu_package_power": 138,
                "gpu_ecc_uncorrect_total": 0}),
    "gaudi3": ("http://127.0.0.1:41611", 'device="{n}",UUID="01P4-HL3080A0-14-{id}"',
               {"habanalabs_utilization": 0, "habanalabs_memory_used_bytes": 805306368,
                "habanalabs_temperature_onchip": 34, "habanalabs_power_mW": 226000}),
}  # fmt: skip
EXPORTERS["gb200_tray"] = EXPORTERS["hgx_h100"]
KUBELET_CONFIG = """\
apiVersion: kubelet.config.k8s.io/v1beta1
authentication:
  anonymous:
    enabled: false
  webhook:
    cacheTTL: 0s
    enabled: true
  x509:
    clientCAFile: /etc/kubernetes/pki/ca.crt
authorization:
  mode: Webhook
cgroupDriver: systemd
clusterDNS:
- 10.96.0.10
cpuManagerPolicy: static
kind: KubeletConfiguration
readOnlyPort: 0
rotateCertificates: true
topologyManagerPolicy: single-numa-node
"""
SLURM_SETTINGS = {
    "AccountingStorageEnforce": "associations,limits,qos,safe",
    "AccountingStorageType": "accounting_storage/slurmdbd",
    "EnforcePartLimits": "ALL",
    "Epilog": "/etc/slurm/epilog.sh",
    "HealthCheckInterval": "300 sec",
    "HealthCheckProgram": "/etc/slurm/health.sh",
    "PreemptMode": "REQUEUE",
    "PreemptType": "preempt/partition_prio",
    "PriorityType": "priority/multifactor",
    "PriorityWeightAge": "1000",
    "PriorityWeightFairShare": "10000",
    "ProctrackType": "proctrack/cgroup",
    "SchedulerType": "sched/backfill",
    "TopologyPlugin": "topology/tree",
}
ACCOUNTS = ["root||||", "vision||gres/gpu=16||", "vision|a.person|||", "speech|||gres/gpu=90000|"]
PROMETHEUS = "http://127.0.0.1:9090"
WORKLOAD, QUEUE = "histogram_quantile(0.95, inference_seconds_bucket)", "slurm_queue_pending"
FORWARDER_PID = 2290
QUOTAS = "sacctmgr -nP show assoc format=Account,User,GrpTRES,GrpTRESMins,MaxTRES"


def page(samples: dict[str, list[str]]) -> str:
    """Return a page of metrics: family -> its lines without the name."""
    blocks = [
        f"# HELP {name} As the exporter says.\n# TYPE {name} gauge\n" + "".join(f"{name}{line}\n" for line in lines)
        for name, lines in samples.items()
    ]
    return "".join(blocks)


def put_node_exporter(node: Node, rec: Recording, lacks: str = "", failed: str = "") -> None:
    """Put the node exporter's page, without a family, or with a collector that fails."""
    samples = {name: [f"{labels} 1.795e+09"] for name, labels in NODE_FAMILIES.items() if name != lacks}
    samples["node_scrape_collector_success"] = [
        f'{{collector="{name}"}} {0 if name == failed else 1}' for name in COLLECTORS
    ]
    rec.http(NODE_EXPORTER, "/metrics", page(samples))


def put_accelerator_exporter(
    node: Node, rec: Recording, count: int | None = None, values: Mapping[str, str] | None = None
) -> None:
    """Put the page of the accelerators' exporter: for fewer devices, or with other values by family."""
    server, labels, families = EXPORTERS[node.klass]
    samples = {}
    for name, value in families.items():
        samples[name] = [
            "{" + labels.format(n=n, id=node.hexdigits("exported", n, 12)) + f"}} {(values or {}).get(name, value)}"
            for n in range(COUNTS[node.klass] if count is None else count)
        ]
    rec.http(server, "/metrics", page(samples))


def refuse(rec: Recording, server: str, path: str = "/metrics") -> None:
    """Let nobody listen at an address."""
    rec.document["http"][f"{server} {path}"] = {"state": "failed", "detail": "[Errno 111] Connection refused"}


def silent_exporter(of_accelerators: bool) -> dict[str, str]:
    """Return what is found when an exporter does not answer."""
    parts = ["collectors", "families", "values", *(["devices"] if of_accelerators else [])]
    return {"metrics.exporter.answers": "fail", **{f"metrics.exporter.{part}": "unknown" for part in parts}}


def put_prometheus(
    rec: Recording, down: str = "", lost: str = "", sick: str = "", managers: int = 1, empty: str = ""
) -> None:
    """Put Prometheus's answers: a target or all gone, an alert lost or sick, no alert manager, a series empty."""
    jobs = {"node": "head-a01-01:9100", "slurm": "head-a01-01:8080"}
    targets = [
        {"labels": {"job": job, "instance": at}, "health": "down" if job == down else "up"}
        for job, at in jobs.items()
        if down != "all"
    ]
    rules = [
        {"name": name, "type": "alerting", "state": "inactive", "health": "err" if name == sick else "ok"}
        for name in ("ServiceDown", "HighErrorRate")
        if lost not in (name, "all")
    ]
    told = {
        "/targets?state=active": {"activeTargets": targets, "droppedTargets": []},
        "/rules?type=alert": {"groups": [{"name": "muster", "rules": rules}]},
        "/alertmanagers": {"activeAlertmanagers": [{"url": "http://127.0.0.1:9093/api/v2/alerts"}] * managers},
    }
    for query in (WORKLOAD, QUEUE):
        value = [{"metric": {}, "value": [NOW, "0.042"]}]
        found = {"resultType": "vector", "result": [] if query == empty else value}
        told[f"/query?query={quote(query, safe='')}"] = found
    rec.http(PROMETHEUS, "/-/ready", "Prometheus Server is Ready.\n")
    for path, data in told.items():
        rec.http(PROMETHEUS, f"/api/v1{path}", json.dumps({"status": "success", "data": data}))


def put_forwarder(rec: Recording, state: str = "01") -> None:
    """Let a log forwarder run, with a connection in a state of the kernel's (01 is established)."""
    rec.file(f"/proc/{FORWARDER_PID}/comm", "rsyslogd\n")
    rec.link(f"/proc/{FORWARDER_PID}/fd/7", f"socket:[{24000 + FORWARDER_PID}]")
    rec.refuse(
        f"/proc/{FORWARDER_PID}/fd/socket:[{24000 + FORWARDER_PID}]", "unrecorded", "only where it leads was asked"
    )
    head = "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode\n"
    rec.document["files"].setdefault("/proc/net/tcp", head)
    local, remote = "0B00140A:C1A2", "1E00140A:1A2A"  # 10.20.0.11 to 10.20.0.30, port 6698
    rec.append("/proc/net/tcp", f" 900: {local} {remote} {state} 00000000:00000000 00:00000000 00000000     0        0 "
               f"{24000 + FORWARDER_PID} 1 0000000000000000 20 4 30 10 -1\n")  # fmt: skip


def checkpoint(node: Node, count: int | None = None) -> dict[str, Any]:
    """Return the device manager's checkpoint, for fewer devices when ``count`` says so."""
    known = COUNTS.get(node.klass, 0) if count is None else count
    names = [f"GPU-{node.uuid('registered', n)}" for n in range(known)]
    resources = {RESOURCES[node.klass]: names} if node.klass in RESOURCES else {}
    return {"Data": {"PodDeviceEntries": None, "RegisteredDevices": resources}, "Checksum": 3952659280}


def ends_in_days(days: int) -> str:
    """Return what openssl says of a certificate that ends in so many days."""
    return time.strftime("notAfter=%b %d %H:%M:%S %Y GMT\n", time.gmtime(NOW + days * 86400))


def ping(**down: bool) -> str:
    """Return the answer of scontrol ping; ``primary=True`` is a primary that is down."""
    states = {"primary": "head-a01-01", "backup": "head-a01-02"}
    return "".join(
        f"Slurmctld({role}) at {name} is {'DOWN' if down.get(role) else 'UP'}\n" for role, name in states.items()
    )


def settings(**changes: str) -> str:
    """Return the answer of scontrol show config, with other settings by name."""
    lines = [f"{key:23} = {value}" for key, value in {**SLURM_SETTINGS, **changes}.items() if key != "ConstrainDevices"]
    confined = f"ConstrainDevices        = {changes.get('ConstrainDevices', 'yes')}"
    head = "Configuration data as of 2026-11-18T06:30:00"
    return "\n".join([head, *lines, "", "Cgroup Support Configuration:", confined, "", ping()])


def put_slurm(node: Node, rec: Recording, **changes: Any) -> None:
    """Put Slurm's answers; ``changes`` to the node's entry: State, Gres, CPUTot, RealMemory."""
    cpus, sockets, cores, threads, memory = HARDWARE[node.klass]
    gres = f"gpu:{GRES_TYPES[node.klass]}:{COUNTS[node.klass]}(S:0-1)" if node.klass in COUNTS else "(null)"
    entry = {
        "NodeName": node.name,
        "Arch": "x86_64",
        "CoresPerSocket": cores,
        "CPUAlloc": 0,
        "CPUEfctv": cpus,
        "CPUTot": cpus,
        "CPULoad": "0.41",
        "AvailableFeatures": f"{node.klass},{node.rack}",
        "Gres": gres,
        "NodeAddr": node.name,
        "RealMemory": memory // 1000 * 1000,
        "State": "IDLE",
        "ThreadsPerCore": threads,
        **changes,
    }
    words = [f"{key}={value}" for key, value in entry.items()]
    rec.command(f"scontrol -o show node {node.name}", f"{' '.join(words)}\n")
    seen = f"CPUs={cpus} Boards=1 SocketsPerBoard={sockets} CoresPerSocket={cores} ThreadsPerCore={threads}"
    rec.command("slurmd -C", f"NodeName={node.name} {seen} RealMemory={memory}\nUpTime=12-03:45:37\n")
    rec.command("scontrol ping", ping())
    rec.command("scontrol show config", settings())
    rec.command(QUOTAS, "\n".join(ACCOUNTS) + "\n")
