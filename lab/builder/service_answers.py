"""What systemd, the container engine, the socket tables and the device nodes of a simulated node answer."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from .gpu_nvidia import BOARDS
from .node import Node
from .recording import Recording

DOCKER = "/var/run/docker.sock"
SHOW = (
    "systemctl show --no-pager --property=Id,Names,LoadState,ActiveState,SubState,UnitFileState,Result,NRestarts,"
    "ActiveEnterTimestampMonotonic,MainPID,ExecMainStatus,MemoryCurrent,MemoryMax,ControlGroup,PrivateDevices,DevicePolicy"
)
STATE = "systemctl is-system-running"
FAILED = "systemctl list-units --state=failed --plain --no-legend --no-pager"
JOURNAL = (
    "journalctl --no-pager -p err --since -1h -n 5000 -o json --show-cursor "
    "--output-fields=UNIT,COREDUMP_UNIT,_SYSTEMD_UNIT"
)
PLATFORM = [
    "ssh.service",
    "sshd.service",
    "ssh.socket",
    "chrony.service",
    "chronyd.service",
    "ntpsec.service",
    "ntpd.service",
    "systemd-timesyncd.service",
]
RUNTIME = ["containerd.service", "docker.service"]
OBSERVABILITY = ["prometheus-node-exporter.service", "node_exporter.service"]
ACCELERATOR = {
    "hgx_h100": ["nvidia-fabricmanager.service", "nvidia-persistenced.service"],
    "gb200_tray": ["nvidia-imex.service", "nvidia-persistenced.service"],
}
INSTALLED = ["ssh.service", "chrony.service", "prometheus-node-exporter.service", *RUNTIME]
ALIASES = {"ssh.service": "ssh.service sshd.service", "chrony.service": "chrony.service chronyd.service"}
FIRST_PID = 2101
UPTIME_S = 1_050_337.21  # as the other renderers say it
BASE_NODES = ["null", "zero", "full", "random", "urandom", "tty"]
NODES = {
    "hgx_h100": [*(f"nvidia{n}" for n in range(8)), "nvidiactl", "nvidia-uvm"],
    "gb200_tray": [*(f"nvidia{n}" for n in range(4)), "nvidiactl", "nvidia-uvm"],
    "mi300x": ["kfd", *(f"dri/renderD{number}" for number in range(128, 136))],
    "gaudi3": [f"accel/accel{n}" for n in range(8)],
    "cpu_only": [],
}


@dataclass(frozen=True)
class Container:
    """One container as its engine shows it; times are UTC."""

    name: str
    image: str
    port: int
    pid: int = 5120
    status: str = "running"
    restarts: int = 0
    exit_code: int = 0
    started: str = "2026-11-06T07:22:10.318225714Z"
    health: str | None = "healthy"
    oom: bool = False


CONTAINERS = {
    "hgx_h100": Container("dcgm-exporter", "nvcr.io/nvidia/k8s/dcgm-exporter:4.4.1-4.5.2-ubuntu22.04", 9400),
    "gb200_tray": Container("dcgm-exporter", "nvcr.io/nvidia/k8s/dcgm-exporter:4.4.1-4.5.2-ubuntu22.04", 9400),
    "mi300x": Container("device-metrics-exporter", "docker.io/rocm/device-metrics-exporter:v1.4.0", 5000, health=None),
    "gaudi3": Container("metric-exporter", "vault.habana.ai/gaudi-metric-exporter/metric-exporter:1.23.0-695", 41611),
}


def units(klass: str) -> list[str]:
    """Return the units that are asked for on a class of node, in the order of the profile's roles."""
    return [*ACCELERATOR.get(klass, []), *RUNTIME, *PLATFORM, *OBSERVABILITY]


def installed(klass: str) -> list[str]:
    """Return the units that a class of node has."""
    return [*ACCELERATOR.get(klass, []), *INSTALLED]


def show_command(klass: str) -> str:
    """Return the command that shows the units."""
    return f"{SHOW} {' '.join(units(klass))}"


def journal_command(klass: str) -> str:
    """Return the command that counts the units' errors."""
    return " ".join([JOURNAL, *(f"-u {name}" for name in sorted(installed(klass)))])


def healthy(node: Node, rec: Recording) -> None:
    """Put what the services of a healthy node answer."""
    rec.file("/run/systemd/system/netplan-ovs-cleanup.service", "[Unit]\n")
    rec.command(STATE, "running\n")
    rec.command(FAILED, "")
    put_units(node, rec)
    rec.command(journal_command(node.klass), journal({"containerd.service": 2}))
    if "/proc/uptime" not in rec.document["files"]:
        rec.file("/proc/uptime", f"{UPTIME_S} {UPTIME_S * 90:.2f}\n")
    for number, name in enumerate(installed(node.klass)):
        group = f"/sys/fs/cgroup/system.slice/{name}"
        rec.file(f"{group}/memory.events", memory_events(0))
        rec.file(f"/proc/{FIRST_PID + number}/comm", f"{name.rpartition('.')[0][:15]}\n")
    _versions(node, rec)
    _devices(node, rec, "")
    put_engine(node, rec, runtimes(node.klass))
    _listen(node, rec)


def put_units(node: Node, rec: Recording, **changes: Mapping[str, Any]) -> None:
    """Put what ``systemctl show`` prints; ``changes`` by unit name without suffix, "-" written as "_"."""
    rec.command(show_command(node.klass), _shown(node, units(node.klass), changes))


def put_units_named(node: Node, rec: Recording, names: Sequence[str]) -> None:
    """Put what is printed for a profile that names these units, in the order in which they are asked for."""
    there = sorted(name for name in names if name in installed(node.klass))
    rec.command(f"{SHOW} {' '.join(names)}", _shown(node, names, {}))
    rec.command(" ".join([JOURNAL, *(f"-u {name}" for name in there)]), journal({"ssh.service": 1}))


def _shown(node: Node, names: Sequence[str], changes: Mapping[str, Mapping[str, Any]]) -> str:
    blocks = []
    for name in names:
        block = _properties(node, name) if name in installed(node.klass) else _not_found(name)
        if name in ("sshd.service", "chronyd.service"):
            block = _properties(node, {"sshd.service": "ssh.service", "chronyd.service": "chrony.service"}[name])
        block.update(changes.get(name.rpartition(".")[0].replace("-", "_"), {}))
        blocks.append("".join(f"{key}={value}\n" for key, value in block.items()))
    return "\n".join(blocks)


def _properties(node: Node, name: str) -> dict[str, Any]:
    number = installed(node.klass).index(name)
    return {
        "MainPID": FIRST_PID + number,
        "NRestarts": 0,
        "ExecMainStatus": 0,
        "Result": "success",
        "ControlGroup": f"/system.slice/{name}",
        "MemoryCurrent": 41943040 + 1048576 * number,
        "MemoryMax": "infinity",
        "DevicePolicy": "auto",
        "PrivateDevices": "no",
        "Id": name,
        "Names": ALIASES.get(name, name),
        "LoadState": "loaded",
        "ActiveState": "active",
        "SubState": "running",
        "UnitFileState": "enabled",
        "ActiveEnterTimestampMonotonic": 31500000 + 750000 * number,
    }


def _not_found(name: str) -> dict[str, Any]:
    return {
        "Id": name,
        "Names": name,
        "LoadState": "not-found",
        "ActiveState": "inactive",
        "SubState": "dead",
        "UnitFileState": "",
        "ActiveEnterTimestampMonotonic": 0,
    }


def journal(counts: Mapping[str, int]) -> str:
    """Return journal entries (one at least) as ``-o json --show-cursor`` prints them with the chosen output fields."""
    lines = [
        json.dumps({"__CURSOR": f"s={number:04x}", "__REALTIME_TIMESTAMP": "1794998212000000", "_SYSTEMD_UNIT": name})
        for name, count in counts.items()
        for number in range(count)
    ]
    return "".join(f"{line}\n" for line in [*lines, "-- cursor: s=06f1"])


def memory_events(kills: int) -> str:
    """Return a control group's memory.events."""
    return f"low 0\nhigh 0\nmax 0\noom {kills}\noom_kill {kills}\noom_group_kill 0\n"


def _versions(node: Node, rec: Recording) -> None:
    rec.command(
        "containerd --version", "containerd github.com/containerd/containerd v1.7.28 b98a3aace656320842a23f4a\n"
    )
    if node.klass not in ACCELERATOR:
        return
    driver = BOARDS[node.klass].driver
    rec.command("nvidia-persistenced --version", f"nvidia-persistenced:  version {driver}\n")
    if node.klass == "hgx_h100":
        rec.command("nv-fabricmanager --version", f"Fabric Manager version is : {driver}\n")
    else:
        rec.command("nvidia-imex --version", f"IMEX version is: {driver}\n")


def _devices(node: Node, rec: Recording, root: str) -> None:
    for name in [*BASE_NODES, *NODES[node.klass]]:
        rec.document["files"].setdefault(f"{root}/dev/{name}", "")


def runtimes(klass: str) -> dict[str, Any]:
    """Return the runtimes that the engine of a class of node knows."""
    own = {"hgx_h100": "nvidia", "gb200_tray": "nvidia", "gaudi3": "habana"}.get(klass)
    known: dict[str, Any] = {"io.containerd.runc.v2": {"path": "runc"}, "runc": {"path": "runc"}}
    return {**known, own: {"path": f"{own}-container-runtime"}} if own else known


def put_engine(node: Node, rec: Recording, known: Mapping[str, Any], **changes: Any) -> None:
    """Put what the engine's API answers."""
    container = CONTAINERS.get(node.klass)
    info = {
        "ID": node.uuid("docker"),
        "ServerVersion": "28.5.1",
        "Driver": "overlay2",
        "CgroupDriver": "systemd",
        "CgroupVersion": "2",
        "DefaultRuntime": "runc",
        "Runtimes": known,
        "LiveRestoreEnabled": True,
        "DockerRootDir": "/var/lib/docker",
        "ContainersRunning": 1 if container else 0,
        "ContainersStopped": 0,
        **changes,
    }
    rec.file(DOCKER, "")
    rec.http(DOCKER, "/info", json.dumps(info))
    if container:
        put_container(node, rec, container)


def put_container(node: Node, rec: Recording, container: Container) -> None:
    """Put a container into the engine's answers, and its device nodes below its process."""
    identity, image = node.hexdigits("container", 0, 64), "sha256:" + node.hexdigits(container.image, 0, 64)
    running = container.status in ("running", "restarting")
    state: dict[str, Any] = {
        "Status": container.status,
        "Running": running,
        "Paused": False,
        "Restarting": container.status == "restarting",
        "OOMKilled": container.oom,
        "Pid": container.pid if container.status == "running" else 0,
        "ExitCode": container.exit_code,
        "Error": "",
        "StartedAt": container.started,
    }
    if container.health:
        state["Health"] = {"Status": container.health, "FailingStreak": 0, "Log": []}
    inspected = {
        "Id": identity,
        "Name": f"/{container.name}",
        "Image": image,
        "RestartCount": container.restarts,
        "State": state,
        "Config": {"Image": container.image, "Env": ["API_TOKEN=must-not-be-kept"]},
        "HostConfig": {"RestartPolicy": {"Name": "unless-stopped", "MaximumRetryCount": 0}},
    }
    digest = f"{container.image.split(':', maxsplit=1)[0]}@sha256:{node.hexdigits('digest', 0, 64)}"
    listed = [{"Id": identity, "Names": [f"/{container.name}"], "State": container.status}]
    rec.http(DOCKER, "/containers/json?all=true", json.dumps(listed))
    rec.http(DOCKER, f"/containers/{container.name}/json", json.dumps(inspected))
    rec.http(DOCKER, f"/images/{image}/json", json.dumps({"Id": image, "RepoDigests": [digest]}))
    if container.status == "running":
        _devices(node, rec, f"/proc/{container.pid}/root")


def _listen(node: Node, rec: Recording) -> None:
    """Add the sockets of SSH, the node exporter and the container to those that other renderers have put."""
    ports = [22, 9100] + ([CONTAINERS[node.klass].port] if node.klass in CONTAINERS else [])
    head = "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode\n"
    table = rec.document["files"].setdefault("/proc/net/tcp", head)
    for number, port in enumerate(ports):
        if f"00000000:{port:04X} 00000000:0000 0A" not in table:
            table += socket_line(number, port)
    rec.file("/proc/net/tcp", table)


def socket_line(number: int, port: int) -> str:
    """Return a line of /proc/net/tcp for a port that is listened on at every address."""
    return (
        f"{number:4d}: 00000000:{port:04X} 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 "
        f"{24100 + port} 1 0000000000000000 100 0 0 10 0\n"
    )


def changed_container(**changes: Any) -> Callable[[Node, Recording], None]:
    """Return a change of the node's container."""
    return lambda node, rec: put_container(node, rec, replace(CONTAINERS[node.klass], **changes))
