# Copyright (c) 2026 the muster.fleet authors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What can be wrong around a simulated node: exporters, kubelet, Slurm, services and paths."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any

from . import cluster_answers as answers
from .faults import Fault
from .node import Node
from .recording import Recording

ALL = ("hgx_h100", "gb200_tray", "mi300x", "gaudi3", "cpu_only")
ACCELERATED = ALL[:4]
H100 = ("hgx_h100",)
Change = Callable[[Node, Recording], None]

# The shipped profiles name no scheduler and no service of a site: these faults are judged by profiles that do.
KUBERNETES = {"cluster.kubelet": {"resources": {"nvidia.com/gpu": 8}}, "cluster.topology_policy": "single-numa-node"}
SLURM = {"cluster.slurm": {"accounts": ["vision", "speech"]}, "cluster.slurm_preempt_type": "preempt/partition_prio"}
SITE = {
    "cluster.endpoints": [
        {"name": "gateway", "at": answers.SERVERS["gateway"], "path": "/health", "says": '"healthy"'},
        {"name": "portal", "at": answers.SERVERS["portal"]},
    ],
    "cluster.registries": [{"name": "images", "at": answers.SERVERS["registry"]}],
    "cluster.vaults": [{"name": "secrets", "at": answers.SERVERS["vault"]}],
    "cluster.paths": [{"name": "database", "to": answers.DATABASE}],
    "cluster.forbidden_paths": [{"name": "switches", "to": answers.FORBIDDEN}],
    "cluster.names": [answers.NAME],
    "cluster.log_forwarders": ["vector|rsyslogd"],
}
WATCHED = {
    "cluster.prometheus": [{"name": "main", "at": answers.PROMETHEUS, "alerts": ["ServiceDown", "HighErrorRate"],
                            "workload": [answers.WORKLOAD], "queue": [answers.QUEUE]}],
}  # fmt: skip


def _asked(profile: Mapping[str, Any], name: str, does: str, check: str | Mapping[str, str], apply: Change) -> Fault:
    finds = {check: "fail"} if isinstance(check, str) else check
    return Fault(name, does, H100, finds, apply, profile)


def _http(server: str, path: str, **changes: Any) -> Change:
    def apply(node: Node, rec: Recording) -> None:
        known = rec.document["http"][f"{server} {path}"]
        rec.document["http"][f"{server} {path}"] = dict(known, **changes)

    return apply


def _refused(server: str, path: str) -> Change:
    return lambda node, rec: answers.refuse(rec, server, path)


def _kubelet(old: str, new: str) -> Change:
    return lambda node, rec: rec.file(f"{answers.KUBELET_ROOT}/config.yaml", answers.KUBELET_CONFIG.replace(old, new))


def _slurm(**changes: str) -> Change:
    return lambda node, rec: rec.command("scontrol show config", answers.settings(**changes))


def _blank(node: Node, rec: Recording) -> None:
    last = list(answers.EXPORTERS[node.klass][2])[-1]
    answers.put_accelerator_exporter(node, rec, values={last: "NaN"})


def _forwarder_cut_off(node: Node, rec: Recording) -> None:
    lines = rec.text("/proc/net/tcp").splitlines(keepends=True)
    rec.file("/proc/net/tcp", "".join(line for line in lines if " 900: " not in line))
    answers.put_forwarder(rec, state="02")  # its first packet is not answered


def _controller_down(node: Node, rec: Recording) -> None:
    rec.command("scontrol ping", answers.ping(backup=True), rc=1)


def _unknown(*names: str) -> dict[str, str]:
    return dict.fromkeys(names, "unknown")


SLURM_SILENT = _unknown(
    "slurm.accounting.limits", "slurm.jobs.cleanup", "slurm.jobs.devices", "slurm.jobs.health_check",
    "slurm.jobs.tracking", "slurm.preemption", "slurm.priority.age", "slurm.priority.fair_share",
    "slurm.priority.type", "slurm.scheduler", "slurm.topology",
)  # fmt: skip
GATEWAY, PORTAL = answers.SERVERS["gateway"], answers.SERVERS["portal"]
REGISTRY, VAULT = answers.SERVERS["registry"], answers.SERVERS["vault"]

FAULTS = [
    Fault("accelerator_exporter_refuses", "nobody listens where the accelerators' exporter should", ACCELERATED,
          answers.silent_exporter(of_accelerators=True),
          lambda node, rec: answers.refuse(rec, answers.EXPORTERS[node.klass][0])),
    Fault("accelerator_exporter_blind", "the accelerators' exporter tells of one accelerator less", ACCELERATED,
          {"metrics.exporter.devices": "fail"},
          lambda node, rec: answers.put_accelerator_exporter(node, rec, answers.COUNTS[node.klass] - 1)),
    Fault("accelerator_exporter_blank", "the accelerators' exporter serves a placeholder", ACCELERATED,
          {"metrics.exporter.values": "fail"}, _blank),
    Fault("node_exporter_lacks_memory", "the node exporter serves no memory figures", ALL,
          {"metrics.exporter.families": "fail"},
          lambda node, rec: answers.put_node_exporter(node, rec, lacks="node_memory_MemAvailable_bytes")),
    Fault("node_exporter_part_fails", "a part of the node exporter fails", ALL,
          {"metrics.exporter.collectors": "fail"},
          lambda node, rec: answers.put_node_exporter(node, rec, failed="edac")),
    _asked(KUBERNETES, "kubelet_down", "the kubelet does not answer its health port", "kubelet.health",
           _refused(answers.KUBELET, "/healthz")),
    _asked(KUBERNETES, "kubelet_open", "the kubelet answers everybody", "kubelet.auth.anonymous",
           _kubelet("anonymous:\n    enabled: false", "anonymous:\n    enabled: true")),
    _asked(KUBERNETES, "kubelet_allows_all", "the kubelet lets every caller do everything", "kubelet.auth.mode",
           _kubelet("mode: Webhook", "mode: AlwaysAllow")),
    _asked(KUBERNETES, "kubelet_read_only_port", "the kubelet serves its port without authentication",
           "kubelet.auth.read_only_port", _kubelet("readOnlyPort: 0", "readOnlyPort: 10255")),
    _asked(KUBERNETES, "kubelet_certificate_ends", "the kubelet's certificate ends in two days", "kubelet.certificate",
           lambda node, rec: rec.command(f"openssl x509 -noout -enddate -in {answers.KUBELET_CERTIFICATE}",
                                         answers.ends_in_days(2))),
    _asked(KUBERNETES, "kubelet_cgroupfs", "the kubelet manages control groups itself", "kubelet.cgroup_driver",
           _kubelet("cgroupDriver: systemd", "cgroupDriver: cgroupfs")),
    _asked(KUBERNETES, "kubelet_lacks_device", "one accelerator is not registered with the kubelet", "kubelet.devices",
           lambda node, rec: rec.file(answers.CHECKPOINT, json.dumps(answers.checkpoint(node, 7)))),
    _asked(KUBERNETES, "device_plugin_gone", "the device plugin's socket is gone", "kubelet.plugin",
           lambda node, rec: rec.remove(f"{answers.KUBELET_ROOT}/device-plugins/{answers.PLUGIN_SOCKET}")),
    _asked(KUBERNETES, "kubelet_ignores_topology", "the kubelet places pods anywhere", "kubelet.topology",
           _kubelet("topologyManagerPolicy: single-numa-node", "topologyManagerPolicy: none")),
    _asked(SLURM, "slurm_controller_down", "the second Slurm controller is down",
           {"slurm.controller.redundant": "fail", "slurm.controller.up": "fail"}, _controller_down),
    _asked(SLURM, "slurm_controllers_silent", "no Slurm controller tells its settings", SLURM_SILENT,
           lambda node, rec: rec.command("scontrol show config", "", rc=1, stderr="Unable to contact controller")),
    _asked(SLURM, "slurm_limits_idle", "Slurm records limits and enforces none", "slurm.accounting.limits",
           _slurm(AccountingStorageEnforce="associations")),
    _asked(SLURM, "slurm_account_without_quota", "an account has no quota", "slurm.accounting.quotas",
           lambda node, rec: rec.command(answers.QUOTAS, "\n".join([*answers.ACCOUNTS[:3], "speech||||"]) + "\n")),
    _asked(SLURM, "slurm_without_epilog", "nothing is cleaned up after jobs", "slurm.jobs.cleanup",
           _slurm(Epilog="(null)")),
    _asked(SLURM, "slurm_devices_open", "jobs see all devices", "slurm.jobs.devices", _slurm(ConstrainDevices="no")),
    _asked(SLURM, "slurm_without_health_check", "Slurm looks at no node's health", "slurm.jobs.health_check",
           _slurm(HealthCheckProgram="(null)")),
    _asked(SLURM, "slurm_tracks_sessions", "processes that leave their session outlive their job",
           "slurm.jobs.tracking", _slurm(ProctrackType="proctrack/linuxproc")),
    _asked(SLURM, "slurm_gives_seven", "Slurm gives out one accelerator less", "slurm.node.accelerators",
           lambda node, rec: answers.put_slurm(node, rec, Gres="gpu:h100:7(S:0-1)")),
    _asked(SLURM, "slurm_counts_processors", "Slurm counts more processors than there are", "slurm.node.cpus",
           lambda node, rec: answers.put_slurm(node, rec, CPUTot=256)),
    _asked(SLURM, "slurm_counts_memory", "Slurm counts more memory than there is", "slurm.node.memory",
           lambda node, rec: answers.put_slurm(node, rec, RealMemory=4127000)),
    _asked(SLURM, "slurm_node_drained", "the node is drained", "slurm.node.state",
           lambda node, rec: answers.put_slurm(node, rec, State="IDLE+DRAIN")),
    _asked(SLURM, "slurm_node_silent", "the controller does not hear from the node", "slurm.node.state",
           lambda node, rec: answers.put_slurm(node, rec, State="IDLE*")),
    _asked(SLURM, "slurm_preempts_nobody", "preemption is off", "slurm.preemption", _slurm(PreemptType="(null)")),
    _asked(SLURM, "slurm_age_counts_nothing", "waiting brings no priority", "slurm.priority.age",
           _slurm(PriorityWeightAge="0")),
    _asked(SLURM, "slurm_without_fair_share", "what was used does not count", "slurm.priority.fair_share",
           _slurm(PriorityWeightFairShare="0")),
    _asked(SLURM, "slurm_first_come", "jobs run in the order in which they came", "slurm.priority.type",
           _slurm(PriorityType="priority/basic")),
    _asked(SLURM, "slurm_without_backfill", "gaps are not filled", "slurm.scheduler",
           _slurm(SchedulerType="sched/builtin")),
    _asked(SLURM, "slurm_without_topology", "Slurm does not know the switches", "slurm.topology",
           _slurm(TopologyPlugin="topology/default")),
    _asked(SITE, "endpoint_refuses", "nobody listens where the gateway should",
           {"endpoint.answers": "fail", "endpoint.status": "unknown", "endpoint.text": "unknown"},
           _refused(GATEWAY, "/health")),
    _asked(SITE, "endpoint_errors", "the gateway answers with an error", "endpoint.status",
           _http(GATEWAY, "/health", status=503)),
    _asked(SITE, "endpoint_unhealthy", "the gateway says that its database is gone", "endpoint.text",
           _http(GATEWAY, "/health", body='{"status": "degraded", "database": "lost"}')),
    _asked(SITE, "endpoint_certificate_ends", "the portal's certificate ends in three days", "endpoint.certificate",
           _http(PORTAL, "/", certificate_ends=answers.NOW + 3 * 86400)),
    _asked(SITE, "registry_open", "the registry answers without credentials", "registry.anonymous",
           _http(REGISTRY, "/v2/", status=200, body="{}")),
    _asked(SITE, "vault_sealed", "the vault is sealed", "vault.ready", _http(VAULT, "/v1/sys/health", status=503)),
    _asked(SITE, "path_blocked", "the database cannot be reached", "path.open",
           lambda node, rec: rec.document["tcp"].update({answers.DATABASE: {"state": "timeout"}})),
    _asked(SITE, "path_leaks", "the switches' management can be reached", "path.closed",
           lambda node, rec: rec.document["tcp"].update({answers.FORBIDDEN: {"state": "ok"}})),
    _asked(SITE, "name_unknown", "the registry's name does not resolve", "path.name",
           lambda node, rec: rec.command(f"getent ahosts {answers.NAME}", "", rc=2)),
    _asked(SITE, "log_forwarder_cut_off", "the log forwarder has no connection", "logs.forwarded", _forwarder_cut_off),
    _asked(WATCHED, "prometheus_down", "nobody listens where Prometheus should", "prometheus.answers",
           _refused(answers.PROMETHEUS, "/-/ready")),
    _asked(WATCHED, "prometheus_target_down", "a target is down", "prometheus.targets",
           lambda node, rec: answers.put_prometheus(rec, down="node")),
    _asked(WATCHED, "prometheus_without_targets", "service discovery finds nothing",
           {"prometheus.targets.present": "fail", "prometheus.targets": "unknown"},
           lambda node, rec: answers.put_prometheus(rec, down="all")),
    _asked(WATCHED, "prometheus_alert_lost", "an alert was not loaded", "prometheus.alerts.wanted",
           lambda node, rec: answers.put_prometheus(rec, lost="ServiceDown")),
    _asked(WATCHED, "prometheus_without_alerts", "no alert was loaded",
           {"prometheus.alerts.loaded": "fail", "prometheus.alerts.wanted": "fail",
            "prometheus.alerts.healthy": "unknown"},
           lambda node, rec: answers.put_prometheus(rec, lost="all")),
    _asked(WATCHED, "prometheus_alert_sick", "an alert cannot be evaluated", "prometheus.alerts.healthy",
           lambda node, rec: answers.put_prometheus(rec, sick="HighErrorRate")),
    _asked(WATCHED, "prometheus_alone", "Prometheus knows no alert manager", "prometheus.alertmanagers",
           lambda node, rec: answers.put_prometheus(rec, managers=0)),
    _asked(WATCHED, "prometheus_lacks_latency", "latency has no fresh value", "prometheus.series.workload",
           lambda node, rec: answers.put_prometheus(rec, empty=answers.WORKLOAD)),
    _asked(WATCHED, "prometheus_lacks_queue", "the queue has no fresh value", "prometheus.series.queue",
           lambda node, rec: answers.put_prometheus(rec, empty=answers.QUEUE)),
]  # fmt: skip
