# Copyright (c) 2026 the muster.fleet authors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What an engine says of a container, in the words of ``base``."""

from __future__ import annotations

import datetime
import re
import time
from typing import Any, Dict, List, Mapping, Optional, Sequence

from .. import guard, mounts
from ..engine import Engine
from .base import RUNNING, SETTLED_S, Lost, Probe, Spec
from .plain import Plain

TIME = re.compile(r"(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)(?:\.\d+)?(Z|[+-]\d\d:\d\d)")
STOPPED = "stopped by a signal"
ENDED = ("exited", "dead", "absent")
ONCE = ("no", "on-failure", "")  # restart policies of what may have done its work and ended


class ContainerLook(Plain):
    """A service whose parts are containers: :meth:`_parts`."""

    name: str
    engine: Engine
    has_mounts = True
    made_with_stop = True

    def _parts(self) -> List[Dict[str, Any]]:
        raise NotImplementedError

    def _of(self, spec: Spec) -> Optional[Dict[str, Any]]:
        raise NotImplementedError

    def things(self) -> List[str]:
        return [str(found["Id"]) for found in self._parts()]

    def pids(self) -> List[int]:
        return [found["State"]["Pid"] for found in self._parts() if found["State"].get("Pid")]

    def lost(self, spec: Spec) -> List[Lost]:
        there = self._of(spec)
        wanted = {mount["target"]: mount["source"] for mount in spec["service"]["mounts"]}
        return [
            lost
            for found in self._parts()
            for lost in mounts.lost(found.get("Mounts") or [], mounts.of_container(there) if there else wanted)
        ]

    def remarks(self, spec: Spec) -> List[str]:
        targets = [mount["target"] for mount in spec["service"]["mounts"]]
        bare = [path for path in self._volumes(spec.get("image_id")) if path not in targets]
        return [
            f"the image keeps {path} in a volume without a name, which the next release will not find: mount something"
            " there"
            for path in bare
        ]

    def _volumes(self, image: Any) -> List[str]:
        """Return the paths that an image declares as volumes."""
        found = self.engine.image(image) if image else None
        return sorted(((found or {}).get("Config") or {}).get("Volumes") or {})

    def written(self) -> List[str]:
        paths = []
        for found in self._parts():
            changes = self.engine.call("GET", f"/containers/{found['Id']}/changes")
            paths += mounts.written(changes, found.get("Mounts") or [])
        return paths


def health(state: Mapping[str, Any]) -> str:
    """Return what the engine says of a container's health: none, starting, healthy or unhealthy."""
    return str((state.get("Health") or {}).get("Status") or "none")


def probe_of(found: Optional[Mapping[str, Any]], source: str) -> Probe:
    """Return the state of a container."""
    if found is None:
        return Probe("absent", 0, "", "none", None, source)
    state = found["State"]
    status = "restarting" if state.get("Restarting") else str(state["Status"])
    if status == RUNNING and guard.is_stopped(int(state.get("Pid") or 0)):
        status = STOPPED
    restarts, started = int(found.get("RestartCount") or 0), str(state.get("StartedAt"))
    return Probe(status, restarts, started, health(state), state.get("ExitCode"), source, up_s(started))


def up_s(started: str) -> Optional[float]:
    """Return for how many seconds something has run that was started at this time."""
    told = TIME.match(started)
    if not told:
        return None
    begun = datetime.datetime.fromisoformat(told.group(1) + told.group(2).replace("Z", "+00:00"))
    seconds = time.time() - begun.timestamp()
    return seconds if seconds >= 0 else None  # a clock that was set back knows nothing


def worst(probes: Mapping[str, Probe], needed: str, finished: Sequence[str], source: str) -> Probe:
    """Return the state of a whole project: that of the part that is worst, with its name.

    ``needed``: the part that must run. ``finished``: those that may have ended with exit code 0.
    """
    own = probes[needed]
    done = {name for name in finished if name != needed and probes[name].status == "exited"}
    done = {name for name in done if probes[name].exit_code == 0}
    living = {name: probe for name, probe in probes.items() if name not in done}
    started = " ".join(f"{name}={probe.started}" for name, probe in sorted(living.items()))
    ups = [probe.up_s for probe in living.values()]
    up = None if None in ups else min(seconds for seconds in ups if seconds is not None)
    common = own._replace(restarts=max(map(_restarts, living.values())), started=started, up_s=up)
    ranked = sorted(living, key=lambda name: (_badness(living[name]), name != needed, name))
    first = ranked[0]
    bad = living[first]
    if _badness(bad) == len(LEVELS):
        first = max(living, key=lambda name: (_restarts(living[name]), name == needed))
    detail = f"service {first}" if _badness(bad) < len(LEVELS) or _restarts(living[first]) else ""
    return common._replace(
        status=bad.status, health=_health(living), exit_code=bad.exit_code, detail=detail, source=source
    )


def _restarts(probe: Probe) -> int:
    """Return the restarts that count: a part that a deploy does not touch may have had some long ago."""
    return 0 if probe.up_s is not None and probe.up_s >= SETTLED_S else probe.restarts


LEVELS = (
    lambda probe: probe.status in ENDED,
    lambda probe: probe.status != RUNNING,
    lambda probe: probe.health == "unhealthy",
    lambda probe: probe.health == "starting",
)


def _badness(probe: Probe) -> int:
    return next((level for level, is_so in enumerate(LEVELS) if is_so(probe)), len(LEVELS))


def _health(living: Mapping[str, Probe]) -> str:
    found = {probe.health for probe in living.values()}
    return next((each for each in ("unhealthy", "starting", "healthy") if each in found), "none")
