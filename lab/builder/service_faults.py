"""What can be wrong with the services of a simulated node."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from . import cluster_answers as cluster
from . import service_answers as service
from .faults import Fault
from .node import Node
from .recording import Recording

ALL = ("hgx_h100", "gb200_tray", "mi300x", "gaudi3", "cpu_only")
ACCELERATED = ALL[:4]
NVIDIA = ALL[:2]
CONTAINER = [f"service.container.{name}" for name in ("health", "image_pinned", "oom", "restarts", "status", "uptime")]
ENGINE = ["service.engine.cgroup_driver", "service.engine.storage_driver"]
DOWN = {
    "ActiveState": "failed",
    "SubState": "failed",
    "Result": "exit-code",
    "ExecMainStatus": 1,
    "MainPID": 0,
    "MemoryCurrent": "[not set]",
    "ControlGroup": "",
}
STOPPED = {**DOWN, "ActiveState": "inactive", "SubState": "dead", "Result": "success", "ExecMainStatus": 0}


def _units(**changes: Any) -> Callable[[Node, Recording], None]:
    return lambda node, rec: service.put_units(node, rec, **changes)


def _failed(unit: str) -> Callable[[Node, Recording], None]:
    """Return a change after which a unit has failed."""

    def apply(node: Node, rec: Recording) -> None:
        service.put_units(node, rec, **{unit.replace("-", "_"): DOWN})
        _degraded(rec, f"{unit}.service")

    return apply


def _degraded(rec: Recording, unit: str) -> None:
    rec.command(service.STATE, "degraded\n", rc=1)
    rec.command(service.FAILED, f"{unit} loaded failed failed {unit.partition('.')[0]}\n")


def _docker_down(node: Node, rec: Recording) -> None:
    _failed("docker")(node, rec)
    for key in [key for key in rec.document["http"] if key.startswith(service.DOCKER)]:
        rec.document["http"][key] = {"state": "failed", "detail": "[Errno 111] Connection refused"}


def _docker_denied(node: Node, rec: Recording) -> None:
    for key in [key for key in rec.document["http"] if key.startswith(service.DOCKER)]:
        rec.document["http"][key] = {"state": "denied", "detail": "[Errno 13] Permission denied"}


def _without_devices(node: Node, rec: Recording) -> None:
    for name in service.NODES[node.klass]:  # the control nodes too: PrivateDevices= leaves null, zero and their like
        rec.remove(f"/proc/{service.CONTAINERS[node.klass].pid}/root/dev/{name}")


def _port_closed(node: Node, rec: Recording) -> None:
    rec.file("/proc/net/tcp", "".join(
        line for line in rec.text("/proc/net/tcp").splitlines(keepends=True) if "00000000:238C " not in line
    ))  # fmt: skip


def _silent(change: Callable[[Node, Recording], None], accelerators: bool = False) -> Callable[[Node, Recording], None]:
    """Return a change after which an exporter serves nothing either."""

    def apply(node: Node, rec: Recording) -> None:
        change(node, rec)
        cluster.refuse(rec, cluster.EXPORTERS[node.klass][0] if accelerators else cluster.NODE_EXPORTER)

    return apply


def _started_just_now(node: Node, rec: Recording) -> None:
    uptime = float(rec.text("/proc/uptime").split()[0])
    service.put_units(node, rec, containerd={"ActiveEnterTimestampMonotonic": int((uptime - 12) * 1e6)})


def _no_runtime(node: Node, rec: Recording) -> None:
    service.put_engine(node, rec, {"runc": {"path": "runc"}})


def _fails(*names: str) -> dict[str, str]:
    return dict.fromkeys(names, "fail")


def _unknown(*names: str) -> dict[str, str]:
    return dict.fromkeys(names, "unknown")


def _engine_findings(status: str) -> dict[str, Any]:
    """Return what is found when the engine does not answer, by class."""
    everywhere = {"service.engine.reachable": status, **_unknown(*ENGINE)}
    containers = {**everywhere, **_unknown(*CONTAINER, "service.devices.visible")}
    runtime = {**containers, **_unknown("service.engine.runtime")}
    return {"cpu_only": everywhere, "mi300x": containers} | dict.fromkeys(("hgx_h100", "gb200_tray", "gaudi3"), runtime)


UNITS_UNKNOWN = _unknown(
    "service.observability.active",
    "service.platform.active",
    "service.runtime.active",
    "service.unit.enabled",
    "service.unit.errors",
    "service.unit.oom",
    "service.unit.pid",
    "service.unit.restarts",
    "service.unit.uptime",
)
SUPPORTING_UNKNOWN = {**UNITS_UNKNOWN, **_unknown("service.supporting.active")}
SILENT = {
    "hgx_h100": {**SUPPORTING_UNKNOWN, **_unknown("service.accelerator.active", "service.accelerator.version")},
    "gb200_tray": {
        **SUPPORTING_UNKNOWN,
        **_unknown("service.on_demand.active", "service.on_demand.enabled", "service.on_demand.version"),
    },
}
EXPORTER_SILENT = cluster.silent_exporter(of_accelerators=True)
DOCKER_DOWN = _fails("service.runtime.active", "service.units.failed")

FAULTS = [
    Fault("fabricmanager_down", "the fabric manager ended with an error", ("hgx_h100",),
          _fails("service.accelerator.active", "service.units.failed"), _failed("nvidia-fabricmanager")),
    Fault("fabricmanager_version_differs", "the fabric manager is of another release than the driver", ("hgx_h100",),
          _fails("service.accelerator.version"),
          lambda node, rec: rec.command("nv-fabricmanager --version", "Fabric Manager version is : 575.57.08\n")),
    Fault("imex_down", "the IMEX daemon ended with an error", ("gb200_tray",),
          _fails("service.on_demand.active", "service.units.failed"), _failed("nvidia-imex")),
    Fault("imex_stopped", "the IMEX daemon is enabled and was stopped", ("gb200_tray",),
          _fails("service.on_demand.enabled"), _units(nvidia_imex=STOPPED)),
    Fault("imex_version_differs", "IMEX is of another release than the driver", ("gb200_tray",),
          _fails("service.on_demand.version"),
          lambda node, rec: rec.command("nvidia-imex --version", "IMEX version is: 575.57.08\n")),
    Fault("persistenced_down", "the persistence daemon was stopped", NVIDIA,
          _fails("service.supporting.active"), _units(nvidia_persistenced=STOPPED)),
    Fault("persistenced_version_differs", "the persistence daemon is of another release than the driver", ("hgx_h100",),
          _fails("service.accelerator.version"),
          lambda node, rec: rec.command("nvidia-persistenced --version", "nvidia-persistenced:  version 575.57.08\n")),
    Fault("docker_down", "the container engine ended with an error", ALL,
          {klass: {**finds, **DOCKER_DOWN} for klass, finds in _engine_findings("fail").items()}, _docker_down),
    Fault("docker_denied", "the user may not speak to the container engine", ALL, _engine_findings("unknown"),
          _docker_denied),
    Fault("docker_cgroupfs", "the container engine manages control groups itself", ALL,
          _fails("service.engine.cgroup_driver"),
          lambda node, rec: service.put_engine(node, rec, service.runtimes(node.klass), CgroupDriver="cgroupfs")),
    Fault("container_runtime_missing", "the accelerators' container runtime is not registered",
          ("hgx_h100", "gb200_tray", "gaudi3"), _fails("service.engine.runtime"), _no_runtime),
    Fault("container_crash_loop", "the exporter's container dies and is restarted again and again", ACCELERATED,
          {**_fails("service.container.restarts", "service.container.status"),
           **_unknown("service.container.uptime", "service.devices.visible"), **EXPORTER_SILENT},
          _silent(service.changed_container(status="restarting", restarts=17, exit_code=1, health=None), True)),
    Fault("container_unhealthy", "the exporter's own health check fails", ACCELERATED,
          _fails("service.container.health"), service.changed_container(health="unhealthy")),
    Fault("container_latest", "the exporter's image has no version", ACCELERATED,
          _fails("service.container.image_pinned"), service.changed_container(image="nvcr.io/exporter:latest")),
    Fault("container_missing", "the exporter's container was never started", ACCELERATED,
          {**_fails("service.container.status"),
           **_unknown(*(name for name in CONTAINER if name != "service.container.status"), "service.devices.visible"),
           **EXPORTER_SILENT},
          _silent(lambda node, rec: rec.http(service.DOCKER, "/containers/json?all=true", json.dumps([])), True)),
    Fault("service_without_devices", "the exporter sees no accelerator", ACCELERATED,
          _fails("service.devices.visible"), _without_devices),
    Fault("unit_restarting", "the exporter's unit restarts again and again", ALL, _fails("service.unit.restarts"),
          _units(prometheus_node_exporter={"NRestarts": 41})),
    Fault("unit_just_started", "containerd was restarted a moment ago", ALL, _fails("service.unit.uptime"),
          _started_just_now),
    Fault("unit_disabled", "containerd does not come back after a reboot", ALL, _fails("service.unit.enabled"),
          _units(containerd={"UnitFileState": "disabled"})),
    Fault("unit_out_of_memory", "the kernel killed processes of containerd for memory", ALL, _fails("service.unit.oom"),
          lambda node, rec: rec.file("/sys/fs/cgroup/system.slice/containerd.service/memory.events",
                                     service.memory_events(3))),
    Fault("unit_logs_errors", "containerd logs errors all the time", ALL, _fails("service.unit.errors"),
          lambda node, rec: rec.command(service.journal_command(node.klass),
                                        service.journal({"containerd.service": 412}))),
    Fault("ssh_unit_down", "the SSH server was stopped", ALL, _fails("service.platform.active"), _units(ssh=STOPPED,
          sshd=STOPPED)),
    Fault("exporter_down", "the node exporter was stopped", ALL,
          {**_fails("service.observability.active"), **cluster.silent_exporter(of_accelerators=False)},
          _silent(_units(prometheus_node_exporter=STOPPED))),
    Fault("port_not_listening", "nobody listens on the node exporter's port", ALL,
          {**_fails("service.port.listening"), **cluster.silent_exporter(of_accelerators=False)},
          _silent(_port_closed)),
    Fault("listener_left", "a debugging session still listens to the network", ("hgx_h100",),
          _fails("service.port.expected"),
          lambda node, rec: rec.append("/proc/net/tcp", service.socket_line(77, 5555)),
          {"service.ports_allowed": ["tcp/22", "tcp/9100", "tcp/9400"]}),
    Fault("failed_unit", "a unit failed at boot", ALL, _fails("service.units.failed"),
          lambda node, rec: _degraded(rec, "openibd.service")),
    Fault("still_booting", "the machine has not finished booting", ALL, _fails("service.system.state"),
          lambda node, rec: rec.command(service.STATE, "starting\n", rc=1)),
    Fault("systemctl_hangs", "systemd does not answer", ALL,
          {klass: SILENT.get(klass, UNITS_UNKNOWN) for klass in ALL},
          lambda node, rec: rec.command(service.show_command(node.klass), state="timeout", duration_s=60)),
]  # fmt: skip
