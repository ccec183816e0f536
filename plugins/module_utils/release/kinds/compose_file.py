# Copyright (c) 2026 the muster.fleet authors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""A project's file with all that it includes, as Compose itself reads it (``docker compose config``)."""

from __future__ import annotations

import json
from typing import Any, Dict, List, Mapping, NamedTuple, Optional, Tuple

from .. import StepFailed, mounts


class Part(NamedTuple):
    """One service of a project."""

    name: str
    image: Optional[str]
    platform: Optional[str]
    pulled: bool  # whether its image may be brought from a registry
    targets: Mapping[str, str]  # path in the container -> what is mounted there


def parse(text: str) -> Dict[str, Part]:
    """Return the services that are to run; raise :class:`StepFailed`."""
    try:
        told = json.loads(text)
        volumes = told.get("volumes") or {}
        return {
            name: _part(name, service, volumes)
            for name, service in (told.get("services") or {}).items()
            if _wanted(service)
        }
    except (ValueError, AttributeError, TypeError) as error:
        raise StepFailed(f"docker compose config: its answer cannot be read: {error}") from error


def _wanted(service: Mapping[str, Any]) -> bool:
    replicas = (service.get("deploy") or {}).get("replicas", service.get("scale"))
    return replicas != 0


def _part(name: str, service: Mapping[str, Any], volumes: Mapping[str, Any]) -> Part:
    targets = {}
    for volume in service.get("volumes") or []:
        source = volume.get("source") or mounts.INHERITED
        if volume.get("type") == "volume" and source:
            source = (volumes.get(source) or {}).get("name") or source
        targets[str(volume.get("target"))] = source
    pulled = service.get("build") is None and service.get("pull_policy") not in ("never", "build")
    return Part(name, service.get("image"), service.get("platform"), pulled, targets)


def split(reference: str) -> Tuple[str, str]:
    """Return an image's name, and its tag or digest."""
    name, unused, digest = reference.partition("@")
    if digest:
        first, unused, tag = name.rpartition(":")
        return (first if first and "/" not in tag else name), digest
    first, unused, tag = name.rpartition(":")
    return (first, tag) if first and "/" not in tag else (name, "latest")


def environment(env: Mapping[str, str], image: str) -> Dict[str, str]:
    """Return the variables that the file is filled in with, but for those that the program itself goes by."""
    own = ("PATH", "HOME", "DOCKER_HOST", "DOCKER_CONFIG", "DOCKER_CONTEXT")
    return {**{key: value for key, value in env.items() if key not in own}, "MUSTER_IMAGE": image}


def architecture(part: Part, found: Mapping[str, Any]) -> List[Any]:
    """Return what a part's image is made for; nothing where the file asks for a platform itself."""
    return [] if part.platform else [found.get("Architecture")]
