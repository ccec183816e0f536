#!/usr/bin/python
# Copyright (c) 2026 the muster.fleet authors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

from __future__ import annotations

DOCUMENTATION = r"""
---
module: service_facts
short_description: Facts about the units, containers and ports that are asked for
version_added: 0.1.0
description:
  - Only what is asked for by name is looked at, and the units that have failed.
  - Log texts are counted and not returned, so that no secret lands in facts.
  - Changes nothing on the host.
author: muster.fleet authors (@muster-fleet)
extends_documentation_fragment:
  - muster.fleet.attributes
  - muster.fleet.attributes.read_only
  - muster.fleet.attributes.facts
options:
  units:
    description: Names of units. C(a.service|b.service) is whichever of them there is.
    type: list
    elements: str
    default: []
  containers:
    description: Names of containers.
    type: list
    elements: str
    default: []
  ports:
    description: Ports that are to be listening, such as C(tcp/22), C(udp/123) or C(22).
    type: list
    elements: str
    default: []
  processes:
    description: Names of processes.
    type: list
    elements: str
    default: []
  device_users:
    description: Names of units and containers that are to see every accelerator device of the host.
    type: list
    elements: str
    default: []
  engine:
    description: Container engine to ask. Whichever answers when it is not given.
    type: str
    choices:
    - docker
    - podman
"""

EXAMPLES = r"""
- name: Ask for two services
  muster.fleet.service_facts:
    units: [sshd.service, nvidia-persistenced.service]
    containers: [annotation-queue]
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
    muster_service:
      description: "Units, containers and listening sockets asked for."
      returned: when the domain is asked for
      type: dict
      contains:
        source: {description: "V(systemd), or null where it is not the init system.", type: str}
        systemd: {description: "Whether systemd is the init system.", type: bool}
        system_state: {description: "Answer of C(systemctl is-system-running).", type: str}
        failed_units: {description: "Names of the units that failed.", type: list, elements: str}
        on_demand: {description: "Like RV(ansible_facts.muster_service.units), the units that a workload manager may start when a job needs them.", type: list, elements: dict}
        on_demand_installed: {description: "How many of those are installed and not masked.", type: int}
        units:
          description: "The units asked for; null when none were asked for or systemd did not answer."
          type: list
          elements: dict
          contains:
            label: {description: "Name of the item as used in messages.", type: str}
            name: {description: "Name; of alternatives the one that is active, else installed.", type: str}
            id: {description: "Name that systemd gives it (differs for an alias).", type: str}
            kind: {description: "Kind of unit, such as V(service) or V(socket).", type: str}
            role: {description: "Role in the profile, V(accelerator), V(supporting), V(runtime), V(platform), V(observability) or V(workload).", type: str}
            source: {description: "V(systemd).", type: str}
            load_state: {description: "V(loaded), V(not-found), V(masked) and so on.", type: str}
            active_state: {description: "V(active), V(inactive), V(failed), V(activating) and so on.", type: str}
            demand_state: {description: "How it stands as a unit that may start on demand, V(running), V(waiting) (neither started nor enabled), V(stopped) (enabled and not running), or another state of systemd's.", type: str}
            sub_state: {description: "State of its kind, such as V(running).", type: str}
            enabled_state: {description: "V(enabled), V(disabled), V(static) and so on.", type: str}
            result: {description: "Result of the last run.", type: str}
            restarts: {description: "How often systemd restarted it.", type: int}
            main_pid: {description: "Main process.", type: int}
            has_main_pid: {description: "Whether systemd knows a main process.", type: bool}
            exit_code: {description: "Exit code of the main process.", type: int}
            uptime_s: {description: "Seconds since it became active.", type: int}
            memory_bytes: {description: "Memory in use (bytes).", type: int}
            memory_limit_bytes: {description: "Memory limit (bytes).", type: int}
            oom_kills: {description: "Processes that the kernel killed for memory since the start.", type: int}
            errors_last_hour:
              description: >-
                Journal entries of priority err and above in the last hour; null unless the whole journal could be
                seen.
              type: int
            version: {description: "Version of the daemon, for NVIDIA services and containerd.", type: str}
            private_devices: {description: "PrivateDevices of the unit.", type: bool}
            device_policy: {description: "DevicePolicy of the unit.", type: str}
        engines:
          description: "Container engines; null when neither an engine nor containers were asked for."
          type: list
          elements: dict
          contains:
            label: {description: "Name of the item as used in messages.", type: str}
            name: {description: "V(docker) or V(podman).", type: str}
            source: {description: "Path of the API socket.", type: str}
            state: {description: "What became of asking, V(ok), V(absent), V(denied), V(timeout) or V(failed).", type: str}
            reachable: {description: "Whether it answers; null when that may not be known.", type: bool}
            version: {description: "Version.", type: str}
            storage_driver: {description: "Storage driver.", type: str}
            cgroup_driver: {description: "Control group driver.", type: str}
            cgroup_version: {description: "Control group version.", type: str}
            default_runtime: {description: "Default runtime.", type: str}
            runtimes: {description: "Registered runtimes.", type: list, elements: str}
            live_restore: {description: "Whether containers survive a restart of the engine.", type: bool}
            root: {description: "Directory of images and containers.", type: str}
            containers_running: {description: "Number of running containers.", type: int}
            containers_stopped: {description: "Number of stopped containers.", type: int}
        containers:
          description: "The containers asked for; null when none were asked for or no engine answered."
          type: list
          elements: dict
          contains:
            label: {description: "Name of the item as used in messages.", type: str}
            name: {description: "Name, or the pattern that matched nothing.", type: str}
            source: {description: "Path of the API socket.", type: str}
            engine: {description: "V(docker) or V(podman).", type: str}
            id: {description: "First 12 digits of the id.", type: str}
            status: {description: "V(running), V(restarting), V(exited) and so on; V(absent) when no container matches.", type: str}
            running: {description: "What the engine calls running; true during a crash loop too.", type: bool}
            restarting: {description: "Whether the engine is about to restart it.", type: bool}
            restart_count: {description: "How often the engine restarted it.", type: int}
            restart_policy: {description: "Restart policy.", type: str}
            health: {description: "V(healthy), V(unhealthy), V(starting), or V(none) without a health check.", type: str}
            exit_code: {description: "Exit code of the last run.", type: int}
            oom_killed: {description: "Whether it was killed for memory.", type: bool}
            main_pid: {description: "Main process on the host.", type: int}
            started_at: {description: "Time of the last start, ISO 8601.", type: str}
            uptime_s: {description: "Seconds since the last start; null unless running.", type: int}
            image: {description: "Image as named when it was created.", type: str}
            image_id: {description: "Image id.", type: str}
            image_tag: {description: "Tag, V(latest) where none was named.", type: str}
            image_digest: {description: "Digest that the image was pulled by.", type: str}
            image_pinned: {description: "Whether the image is named by a digest or a tag other than latest.", type: bool}
        device_users:
          description: "Services that must see the accelerators, with the device nodes below /dev that they see."
          type: list
          elements: dict
          contains:
            label: {description: "Name of the item as used in messages.", type: str}
            name: {description: "Unit or container.", type: str}
            source: {description: "V(/proc).", type: str}
            host: {description: "Accelerator nodes on the host.", type: list, elements: str}
            inside: {description: "Accelerator nodes in the service's own /dev; root only.", type: list, elements: str}
            missing: {description: "Nodes of the host that the service does not see; null when that could not be compared.", type: list, elements: str}
        ports:
          description: "The ports asked for."
          type: list
          elements: dict
          contains:
            label: {description: "Name of the item as used in messages.", type: str}
            name: {description: "Such as V(tcp/22).", type: str}
            source: {description: "V(/proc/net).", type: str}
            listening: {description: "Whether a socket waits on it.", type: bool}
            addresses: {description: "Local addresses.", type: list, elements: str}
            uid: {description: "User that owns the socket.", type: int}
            pid: {description: "Process that holds the socket, where it may be seen.", type: int}
            process: {description: "Name of that process.", type: str}
        listening: {description: "All ports that are listened on, such as V(tcp/22).", type: list, elements: str}
        unexpected_listeners: {description: "Ports that can be reached from outside and that the profile does not allow, with the address of each; null when the profile says nothing of it.", type: list, elements: str}
        processes:
          description: "The processes asked for."
          type: list
          elements: dict
          contains:
            label: {description: "Name of the item as used in messages.", type: str}
            name: {description: "Name asked for; the kernel keeps 15 characters.", type: str}
            source: {description: "V(/proc).", type: str}
            count: {description: "How many run.", type: int}
            pids: {description: "The first 20 of them.", type: list, elements: int}
        errors:
          description: "Sources that could not answer."
          type: list
          elements: dict
          contains:
            source: {description: "File, command or place.", type: str}
            reason: {description: "Why.", type: str}
"""

from typing import Any, Dict, Mapping

from ansible_collections.muster.fleet.plugins.module_utils.collect import service
from ansible_collections.muster.fleet.plugins.module_utils.facts_module import run

NAMES = {"type": "list", "elements": "str", "default": []}
OPTIONS = {
    "units": NAMES,
    "containers": NAMES,
    "ports": NAMES,
    "processes": NAMES,
    "device_users": NAMES,
    "engine": {"type": "str", "choices": ["docker", "podman"]},
}


def asked(params: Mapping[str, Any]) -> Dict[str, Any]:
    """Return what the collector is to look at."""
    named = {name: params[name] for name in OPTIONS}
    return {"service": dict(named, units=[{"name": unit, "role": "asked"} for unit in params["units"]])}


def main() -> None:
    """Collect the facts of the services asked for."""
    run({"service": service.collect}, OPTIONS, asked)


if __name__ == "__main__":
    main()
