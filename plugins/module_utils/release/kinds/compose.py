# Copyright (c) 2026 the muster.fleet authors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""A project of Compose v2. Its file stays the user's; the pinned image, labels and environment are laid over it.

Compose replaces a container by removing it, so no old one is retained: the way back is its image, under a tag of ours.
"""

from __future__ import annotations

import json
import os
import re
from typing import Any, Dict, List, Mapping, Optional
from urllib.parse import quote

from .. import StepFailed, disk, mounts
from ..engine import Engine
from ..programs import said
from . import compose_file
from .base import RUNNING, Lost, Probe, Spec
from .container import OURS, Container
from .container_body import RELEASE_LABEL, SERVICE_LABEL
from .container_look import ONCE, probe_of, worst

UP_S = 300.0
CONFIG_S = 30.0
PROJECT, PART, ONE_OFF = (f"com.docker.compose.{label}" for label in ("project", "service", "oneoff"))


class Compose(Container):
    """A project, one service of which is replaced: ``up`` touches all of them, so all of them are judged."""

    made_with_stop = False

    def __init__(
        self, name: str, engine: Engine, service: Mapping[str, Any], login: Optional[Mapping[str, str]], state_dir: str
    ):
        super().__init__(name, engine, service, login)
        self.given = None  # the devices stand in a file that is not read here
        self._file, self._service = service["compose"]["file"], service["compose"]["service"]
        self._project = re.sub(r"[^a-z0-9_-]", "-", name)
        self._folder = os.path.join(state_dir, name)
        self._read: Dict[str, Dict[str, compose_file.Part]] = {}  # release -> the services in its file

    def _listed(self) -> List[Dict[str, Any]]:
        listed = self.engine.labelled(f"{PROJECT}={self._project}")
        return [one for one in listed if (one.get("Labels") or {}).get(ONE_OFF) != "True"]

    def _here(self) -> Optional[Dict[str, Any]]:
        ours = [one for one in self._listed() if (one.get("Labels") or {}).get(PART) == self._service]
        ours.sort(key=lambda one: one.get("State") != RUNNING)  # one that Compose was replacing may be left beside it
        return self.engine.container(ours[0]["Id"]) if ours else None

    def adopt(self, spec: Spec) -> Spec:
        found = super().adopt(spec)
        found.pop("container_id")
        return found

    def _parts(self) -> List[Dict[str, Any]]:
        found = [self.engine.container(one["Id"]) for one in self._listed()]
        return [one for one in found if one is not None]

    def probe(self) -> Probe:
        own = self._here()
        source = f"{self.engine.socket}: project {self._project}"
        if own is None:
            return probe_of(None, source)
        wanted = self._running_parts(_label(own, RELEASE_LABEL))
        probes, once = {self._service: probe_of(own, source)}, []
        for found in self._parts():
            part = _label(found, PART)
            name = part if part not in probes else f"{part} ({found['Name'].lstrip('/')})"
            if part in wanted and part != self._service:
                probes[name] = probe_of(found, source)
                once += [name] if _policy(found) in ONCE else []
        probes.update({name: probe_of(None, source) for name in wanted if name not in probes})
        return worst(probes, self._service, once, source)

    def lost(self, spec: Spec) -> List[Lost]:
        parts = self._parts()
        wanted = self._parts_of(spec) if parts else {}
        return [
            lost._replace(path=f"{_label(found, PART)}:{lost.path}")
            for found in parts
            if _label(found, PART) in wanted
            for lost in mounts.lost(found.get("Mounts") or [], self._targets(spec, wanted[_label(found, PART)], found))
        ]

    def _targets(self, spec: Spec, part: compose_file.Part, found: Mapping[str, Any]) -> Mapping[str, str]:
        """Return what lies where in the next container: Compose takes over what an image declares as a volume."""
        image = spec.get("image_id") if part.name == self._service else part.image
        unknown = image is None or self.engine.image(image) is None
        volumes = [lost.path for lost in mounts.anonymous(found)] if unknown else self._volumes(image)
        return {**dict.fromkeys(volumes, mounts.INHERITED), **part.targets}

    def remarks(self, spec: Spec) -> List[str]:
        return [
            f"{found['Name'].lstrip('/')} of the project is in its file no longer: it is stopped"
            for found in self._orphans(self._parts_of(spec))
        ]

    def lacking(self, spec: Spec) -> Optional[str]:
        for image in [spec.get("image_id"), *(spec.get("images") or {}).values()]:
            if not image or self.engine.image(image) is None:
                return f"its image {image or spec['image']} is not on this machine any more"
        return None

    def fetch(self, spec: Spec, tick: Any) -> Mapping[str, Any]:
        self._run(["version"])  # absent: say so before anything is stopped
        more = super().fetch(spec, tick)
        parts = self._parts_of(spec)
        if self._service not in parts:
            raise StepFailed(f"{self._file} has no service {self._service} (it has {', '.join(sorted(parts))})")
        others = [part for part in parts.values() if part.image != self._image(spec) and part.name != self._service]
        return {**more, "images": {part.name: self._brought(part, tick) for part in others}}

    def _brought(self, part: compose_file.Part, tick: Any) -> str:
        """See to it that the image of another service is here, too, and return its id."""
        reference = part.image or f"{self._project}-{part.name}"
        found = self.engine.image(reference)
        if found is None and part.pulled and part.image:
            name, tag = compose_file.split(part.image)
            self.engine.pull(name, tag, self.login, tick)
            found = self.engine.image(reference)
        if found is None:
            raise StepFailed(f"the image {reference} of its service {part.name} is not on this machine")
        self._fits(f"{reference} of its service {part.name}", compose_file.architecture(part, found))
        return str(found["Id"])

    def prepare(self, spec: Spec) -> None:
        repository = f"{OURS}/{self.name}"
        self.engine.call("POST", f"/images/{quote(spec['image_id'])}/tag", repo=repository, tag=spec["id"])
        laid = {
            "image": self._image(spec),
            "labels": {SERVICE_LABEL: self.name, RELEASE_LABEL: spec["id"]},
            "environment": {key: value.replace("$", "$$") for key, value in spec["env"].items()},
        }
        disk.write(self._over(spec), disk.text({"services": {self._service: laid}}))
        variables = dict(spec["env"], MUSTER_IMAGE=laid["image"])
        lines = [f"{key}={json.dumps(value)}\n" for key, value in sorted(variables.items())]
        disk.write(self._variables(spec), "".join(lines).encode("utf-8"))

    def discard(self, spec: Spec) -> None:
        disk.remove(self._over(spec))
        disk.remove(self._variables(spec))
        self._untag(spec)

    def retain(self, spec: Spec) -> None:
        """Nothing to do: Compose replaces the container."""

    def start(self, spec: Spec) -> None:
        self.prepare(spec)
        self._end_leftovers()
        files = ["-f", self._file, "-f", self._over(spec)]
        words = ["--project-name", self._project, "--env-file", self._variables(spec), *files]
        self._run([*words, "up", "--detach", "--no-build", "--pull", "never"])
        for found in self._orphans(self._parts_of(spec)):
            self._stopped(found, spec["service"]["stop"]["grace_s"])

    def shelve(self, spec: Spec) -> None:
        found = self._here()
        if found is not None and (found["Config"].get("Labels") or {}).get(RELEASE_LABEL) == spec["id"]:
            self._stopped(found, spec["service"]["stop"]["grace_s"])

    def prune(self, keep: Any, gone: Any) -> List[str]:
        gone = list(gone)
        for spec in gone:
            self.discard(spec)
        return super().prune(keep, [dict(spec, container_id="") for spec in gone])

    def _over(self, spec: Spec) -> str:
        return os.path.join(self._folder, f"compose.{spec['id']}.json")

    def _variables(self, spec: Spec) -> str:
        return os.path.join(self._folder, f"compose.{spec['id']}.env")

    def _image(self, spec: Spec) -> str:
        return f"{OURS}/{self.name}:{spec['id']}"

    def _orphans(self, wanted: Mapping[str, compose_file.Part]) -> List[Dict[str, Any]]:
        """Return what runs of the project and is no part of it any more."""
        return [
            found
            for found in self._parts()
            if _label(found, PART) not in wanted and found["State"]["Status"] not in ("exited", "created", "dead")
        ]

    def _parts_of(self, spec: Spec) -> Dict[str, compose_file.Part]:
        """Return the services in the file of a release, also before it is in its place."""
        if spec["id"] not in self._read:
            texts = [file["content"] for file in spec["files"] if file["dest"] == self._file]
            words = ["--env-file", os.devnull, "-f", "-" if texts else self._file]
            env = compose_file.environment(spec["env"], self._image(spec))
            self._read[spec["id"]] = self._config(words, env, texts[0] if texts else "")
        return self._read[spec["id"]]

    def _running_parts(self, release: str) -> Dict[str, compose_file.Part]:
        """Return the services in the file that is in its place."""
        if release not in self._read:
            laid = os.path.join(self._folder, f"compose.{release}.env")
            words = ["--env-file", laid if os.path.exists(laid) else os.devnull, "-f", self._file]
            self._read[release] = self._config(words, {}, "")
        return self._read[release]

    def _config(self, words: List[str], env: Mapping[str, str], text: str) -> Dict[str, compose_file.Part]:
        place = ["--project-name", self._project, "--project-directory", os.path.dirname(self._file)]
        argv = ["docker", "compose", *place, *words, "config", "--format", "json"]
        socket = {"DOCKER_HOST": f"unix://{self.engine.socket}"}
        return compose_file.parse(said(argv, CONFIG_S, {**env, **socket}, text.encode("utf-8")))

    def _run(self, words: List[str]) -> None:
        said(["docker", "compose", *words], UP_S, {"DOCKER_HOST": f"unix://{self.engine.socket}"})


def _label(found: Mapping[str, Any], label: str) -> str:
    return str((found["Config"].get("Labels") or {}).get(label) or "")


def _policy(found: Mapping[str, Any]) -> str:
    return str((found["HostConfig"].get("RestartPolicy") or {}).get("Name") or "")
