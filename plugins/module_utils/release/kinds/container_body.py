# Copyright (c) 2026 the muster.fleet authors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""A service's data in the words of the engine's API."""

from __future__ import annotations

from typing import Any, Dict, List, Mapping, Tuple

from .base import Spec

SERVICE_LABEL = "muster.fleet.service"
RELEASE_LABEL = "muster.fleet.release"
SECOND_NS = 1_000_000_000


def body(spec: Spec, policy: str) -> Dict[str, Any]:
    """Return what a container is created from, with a restart policy. The environment goes nowhere else."""
    service = spec["service"]
    exposed, bound = _ports(service["ports"])
    told = {
        "Image": spec["image_id"],
        "Env": [f"{key}={value}" for key, value in sorted(spec["env"].items())],
        "Entrypoint": service.get("entrypoint"),
        "Cmd": service.get("command"),
        "User": service.get("user"),
        "WorkingDir": service.get("working_dir"),
        "Labels": dict(service["labels"], **{SERVICE_LABEL: spec["name"], RELEASE_LABEL: spec["id"]}),
        "ExposedPorts": exposed,
        "StopSignal": service["stop"]["signal"],
        "StopTimeout": service["stop"]["grace_s"],
        "Healthcheck": _healthcheck(service.get("healthcheck")),
        "HostConfig": dict(_host(service, bound), RestartPolicy={"Name": policy}),
    }
    return {key: value for key, value in told.items() if value is not None}


def _host(service: Mapping[str, Any], bound: Dict[str, Any]) -> Dict[str, Any]:
    told = {
        "Binds": [f"{m['source']}:{m['target']}:{'ro' if m['read_only'] else 'rw'}" for m in service["mounts"]],
        "Devices": [
            {"PathOnHost": path, "PathInContainer": path, "CgroupPermissions": "rwm"} for path in service["devices"]
        ],
        "DeviceRequests": _gpus(service.get("gpus")),
        "PortBindings": bound,
        "NetworkMode": service.get("network"),
        "ExtraHosts": service["extra_hosts"],
        "GroupAdd": service["groups"],
        "Runtime": service.get("runtime"),
        "IpcMode": service.get("ipc"),
        "Init": service["init"] or None,
        "ReadonlyRootfs": service["read_only"],
        "CapAdd": service["cap_add"],
        "SecurityOpt": service["security_opt"],
        "Ulimits": [{"Name": name, "Soft": most, "Hard": most} for name, most in sorted(service["ulimits"].items())],
        "ShmSize": service.get("shm_bytes"),
        "Memory": service.get("memory_bytes"),
        "NanoCpus": int(service["cpus"] * SECOND_NS) if service.get("cpus") else None,
    }
    return {key: value for key, value in told.items() if value not in (None, [])}


def _gpus(gpus: Any) -> List[Dict[str, Any]]:
    if not gpus:
        return []
    wanted: Dict[str, Any] = {"Count": -1} if gpus == "all" else {"DeviceIDs": gpus}
    return [dict(wanted, Capabilities=[["gpu"]])]


def _ports(ports: List[str]) -> Tuple[Dict[str, Any], Dict[str, Any]]:
    exposed: Dict[str, Any] = {}
    bound: Dict[str, Any] = {}
    for port in ports:
        told, unused, protocol = port.partition("/")
        outside, unused, inside = told.rpartition(":")
        address, unused, number = outside.rpartition(":")
        name = f"{inside}/{protocol or 'tcp'}"
        exposed[name] = {}
        bound.setdefault(name, []).append({"HostIp": address.strip("[]"), "HostPort": number or inside})
    return exposed, bound


def _healthcheck(check: Any) -> Any:
    if not check:
        return None
    times = {"Interval": "interval_s", "Timeout": "timeout_s", "StartPeriod": "start_period_s"}
    told = {name: int(check[key] * SECOND_NS) for name, key in times.items()}
    return dict(told, Test=["CMD", *check["command"]], Retries=check["retries"])
