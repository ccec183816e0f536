# Copyright (c) 2026 the muster.fleet authors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Containers through the engine's own API socket, which Docker and Podman both serve. Nothing of a container's
environment, labels or command line is kept: secrets live there.
"""

from __future__ import annotations

import fnmatch
import json
import re
import time
from typing import Any, Dict, Iterable, List, Mapping, Optional, Tuple

from ..host import ABSENT, FAILED, OK, Asked

SOCKETS = {"docker": "/var/run/docker.sock", "podman": "/run/podman/podman.sock"}
CONTAINERS_MAX = 50
TIME = re.compile(r"(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)(\.\d+)?(Z|[+-]\d\d:\d\d)")
NEVER = "0001-"  # the engines' zero time


def collect(asked: Asked, patterns: List[str], engine: Optional[str]) -> Tuple[Any, Any]:
    """Return the engines and the containers that match the patterns; each ``None`` when it was not asked for."""
    if not patterns and not engine:
        return None, None
    engines = [_engine(asked, name, path) for name, path in _sockets(asked, engine)]
    serving = [found for found in engines if found["reachable"]]
    if not patterns:
        return engines, None
    if not serving:
        asked.fail("containers", "no container engine answers")
        return engines, None
    return engines, _containers(asked, patterns, serving)


def _sockets(asked: Asked, engine: Optional[str]) -> List[Tuple[str, str]]:
    """Return the sockets to ask: the profile's engine, and any other that is there under a place of its own."""
    seen, found = set(), []
    for name, path in SOCKETS.items():
        place = asked.host.link(path)
        if name == engine or (place and place not in seen):
            found.append((name, path))
            seen.add(place)
    return found


def _get(asked: Asked, socket: str, path: str) -> Tuple[str, Any]:
    """Return how a request ended and its JSON."""
    answer = asked.host.http(path, socket)
    if answer.state != OK or answer.status != 200:
        asked.fail(f"{socket} {path}", answer.detail or answer.state if answer.state != OK else f"HTTP {answer.status}")
        return answer.state, None
    try:
        return OK, json.loads(answer.body)
    except ValueError:
        asked.fail(f"{socket} {path}", "not JSON")
        return OK, None


def _engine(asked: Asked, name: str, socket: str) -> Dict[str, Any]:
    """Return an engine; a refused or absent socket is an engine that is down, a forbidden one nothing known."""
    state, info = _get(asked, socket, "/info")
    info = info if isinstance(info, dict) else {}
    runtimes = info.get("Runtimes")
    return {
        "label": f"engine {name}",
        "name": name,
        "source": socket,
        "state": state if info or state != OK else FAILED,
        "reachable": True if info else False if state in (ABSENT, FAILED) else None,
        "version": info.get("ServerVersion"),
        "storage_driver": info.get("Driver"),
        "cgroup_driver": info.get("CgroupDriver"),
        "cgroup_version": info.get("CgroupVersion"),
        "default_runtime": info.get("DefaultRuntime"),
        "runtimes": sorted(runtimes) if isinstance(runtimes, dict) else None,
        "live_restore": info.get("LiveRestoreEnabled"),
        "root": info.get("DockerRootDir"),
        "containers_running": info.get("ContainersRunning"),
        "containers_stopped": info.get("ContainersStopped"),
    }


def _containers(
    asked: Asked, patterns: List[str], engines: Iterable[Mapping[str, Any]]
) -> Optional[List[Dict[str, Any]]]:
    found: List[Dict[str, Any]] = []
    listed = {str(engine["name"]): _get(asked, engine["source"], "/containers/json?all=true")[1] for engine in engines}
    if not any(isinstance(entries, list) for entries in listed.values()):
        return None
    for pattern in patterns:
        matching = [(engine, name) for engine, name in _names(listed) if fnmatch.fnmatchcase(name, pattern)]
        if not matching:
            found.append(_absent(pattern))
        found += [_container(asked, engine, name) for engine, name in matching[:CONTAINERS_MAX]]
    return found


def _names(listed: Mapping[str, Any]) -> List[Tuple[str, str]]:
    return [
        (engine, str(name).lstrip("/"))
        for engine, entries in listed.items()
        for entry in (entries if isinstance(entries, list) else [])
        for name in _list(_mapping(entry).get("Names"))[:1]
    ]


def _mapping(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, dict) else {}


def _list(value: Any) -> List[Any]:
    return value if isinstance(value, list) else []


def _text(value: Any) -> Optional[str]:
    return value if isinstance(value, str) and value else None


def _absent(pattern: str) -> Dict[str, Any]:
    return {"label": f"container {pattern}", "name": pattern, "source": "engine", "status": "absent", "main_pid": None}


def _container(asked: Asked, engine: str, name: str) -> Dict[str, Any]:
    from urllib.parse import quote  # late: most machines are asked for no container

    socket = SOCKETS[engine]
    inspected = _get(asked, socket, f"/containers/{quote(name)}/json")[1]
    shown = _mapping(inspected)
    state, config = _mapping(shown.get("State")), _mapping(shown.get("Config"))
    checked = state.get("Health")  # absent without a health check
    health = "none" if checked is None else _text(_mapping(checked).get("Status"))
    return {
        "label": f"container {name}",
        "name": name,
        "source": socket,
        "engine": engine,
        "id": (_text(shown.get("Id")) or "")[:12] or None,
        "status": state.get("Status"),
        "running": state.get("Running"),  # true during a crash loop too: judge status, restarts and uptime
        "restarting": state.get("Restarting"),
        "restart_count": shown.get("RestartCount"),
        "restart_policy": _mapping(_mapping(shown.get("HostConfig")).get("RestartPolicy")).get("Name"),
        "health": health if state else None,
        "exit_code": state.get("ExitCode"),
        "oom_killed": state.get("OOMKilled"),
        "main_pid": state.get("Pid") or None,
        "started_at": _time_text(state.get("StartedAt")),
        "uptime_s": _uptime(asked, state),
        **_image(asked, socket, _text(config.get("Image")), _text(shown.get("Image"))),
    }


def _image(asked: Asked, socket: str, reference: Optional[str], image_id: Optional[str]) -> Dict[str, Any]:
    """Return the image as it was named, its tag ("latest" where none was given) and the digests it was pulled by."""
    image = _get(asked, socket, f"/images/{image_id}/json")[1] if image_id else None
    digests = _list(_mapping(image).get("RepoDigests"))
    named, by_digest, _hash = (reference or "").partition("@")
    tag = re.search(r":([^/:]+)$", named)  # "localhost:5000/a" has none
    return {
        "image": reference,
        "image_id": image_id,
        "image_tag": tag.group(1) if tag else "latest" if reference and not by_digest else None,
        "image_digest": next((str(digest).partition("@")[2] for digest in digests), None),
        "image_pinned": None if not reference else bool(by_digest) or (tag is not None and tag.group(1) != "latest"),
    }


def _time_text(value: Any) -> Optional[str]:
    return value if isinstance(value, str) and TIME.fullmatch(value) and not value.startswith(NEVER) else None


def _uptime(asked: Asked, state: Mapping[str, Any]) -> Optional[int]:
    """Return for how many seconds a container has been up since its last start."""
    found = TIME.fullmatch(_time_text(state.get("StartedAt")) or "")
    if not found or state.get("Status") != "running":
        return None
    import calendar  # late: most machines are asked for no container

    started = calendar.timegm(time.strptime(found.group(1), "%Y-%m-%dT%H:%M:%S"))
    if found.group(3) != "Z":
        hours, minutes = found.group(3)[1:].split(":")
        offset = int(hours) * 3600 + int(minutes) * 60
        started -= offset if found.group(3)[0] == "+" else -offset
    return max(0, round(asked.host.identity()["now"] - started))
