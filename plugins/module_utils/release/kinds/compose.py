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

from .. import disk
from ..engine import Engine
from ..programs import said
from .base import RUNNING, Spec
from .container import OURS, Container
from .container_body import RELEASE_LABEL, SERVICE_LABEL

UP_S = 300.0


class Compose(Container):
    """The container of one service of a project."""

    def __init__(
        self, name: str, engine: Engine, service: Mapping[str, Any], login: Optional[Mapping[str, str]], state_dir: str
    ):
        super().__init__(name, engine, service, login)
        self.given = None  # the devices stand in a file that is not read here
        self._file, self._service = service["compose"]["file"], service["compose"]["service"]
        self._project = re.sub(r"[^a-z0-9_-]", "-", name)
        self._folder = os.path.join(state_dir, name)

    def _here(self) -> Optional[Dict[str, Any]]:
        listed = self.engine.labelled(f"com.docker.compose.project={self._project}")
        ours = [one for one in listed if (one.get("Labels") or {}).get("com.docker.compose.service") == self._service]
        ours.sort(key=lambda one: one.get("State") != RUNNING)  # one that Compose was replacing may be left beside it
        return self.engine.container(ours[0]["Id"]) if ours else None

    def adopt(self, spec: Spec) -> Spec:
        found = super().adopt(spec)
        found.pop("container_id")
        return found

    def lacking(self, spec: Spec) -> Optional[str]:
        if not spec.get("image_id") or self.engine.image(spec["image_id"]) is None:
            return f"its image {spec.get('image_id') or spec['image']} is not on this machine any more"
        return None

    def fetch(self, spec: Spec, tick: Any) -> Mapping[str, Any]:
        self._run(["version"])  # absent: say so before anything is stopped
        return super().fetch(spec, tick)

    def prepare(self, spec: Spec) -> None:
        repository = f"{OURS}/{self.name}"
        self.engine.call("POST", f"/images/{quote(spec['image_id'])}/tag", repo=repository, tag=spec["id"])
        laid = {
            "image": f"{repository}:{spec['id']}",
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

    def shelve(self, spec: Spec) -> None:
        found = self._here()
        if found is not None and (found["Config"].get("Labels") or {}).get(RELEASE_LABEL) == spec["id"]:
            self._stopped(found, spec["service"]["stop"]["grace_s"])

    def prune(self, keep: Any, gone: Any) -> None:
        gone = list(gone)
        for spec in gone:
            self.discard(spec)
        super().prune(keep, [dict(spec, container_id="") for spec in gone])

    def _over(self, spec: Spec) -> str:
        return os.path.join(self._folder, f"compose.{spec['id']}.json")

    def _variables(self, spec: Spec) -> str:
        return os.path.join(self._folder, f"compose.{spec['id']}.env")

    def _run(self, words: List[str]) -> None:
        said(["docker", "compose", *words], UP_S, {"DOCKER_HOST": f"unix://{self.engine.socket}"})
