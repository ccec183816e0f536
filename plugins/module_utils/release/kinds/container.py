# Copyright (c) 2026 the muster.fleet authors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""A service that is one container of Docker or Podman.

The running container has the service's name. Others have the name NAME.RELEASE and the restart policy ``no``: with
another one, a restart of the engine would start the old release beside the new one.
"""

from __future__ import annotations

import time
from typing import Any, Dict, Iterable, List, Mapping, Optional
from urllib.parse import quote

from .. import Refused, StepFailed, leftovers, mounts, registry
from ..engine import Engine, EngineError
from .base import RUNNING, Probe, Running, Spec, Tick
from .container_body import RELEASE_LABEL, SERVICE_LABEL, body
from .container_look import ContainerLook, health, probe_of

STOP_EXTRA_S = 60.0  # what the engine may take beyond the grace
OURS = "muster.fleet"
UNTAGGED = "untagged"


class Container(ContainerLook):
    """One container and the retained ones of its earlier releases."""

    touches = True

    def __init__(
        self, name: str, engine: Engine, service: Mapping[str, Any], login: Optional[Mapping[str, str]] = None
    ):
        self.name, self.engine, self.login = name, engine, login
        self.given = _given(service)

    # --- asking -----------------------------------------------------------------------------------

    def resolve(self, spec: Spec) -> str:
        image, tag = spec["image"], spec["tag"]
        if self.engine.is_podman:
            return registry.digest(image, tag, self.login)
        try:
            told = self.engine.digest(image, tag, self.login)
        except EngineError as error:
            raise StepFailed(f"{image}:{tag}: {error}") from error
        self._fits(f"{image}:{tag}", [platform.get("architecture") for platform in told.get("Platforms") or []])
        return str(told["Descriptor"]["digest"])

    def _fits(self, image: str, architectures: List[Any]) -> None:
        here = self.engine.architecture
        if architectures and here and here not in architectures:
            raise Refused(f"{image} is made for {', '.join(map(str, architectures))}, and this machine is {here}")

    def running(self) -> Optional[Running]:
        found = self._here()
        if found is None:
            return None
        state, config = found["State"], found["Config"]
        release = (config.get("Labels") or {}).get(RELEASE_LABEL)
        why = "" if state["Status"] == RUNNING and not state.get("Restarting") else f"it is {state['Status']}"
        if health(state) == "unhealthy":
            why = "it is unhealthy"
        return Running(release, found["Id"], config.get("Image"), found["Image"], not why, why)

    def adopt(self, spec: Spec) -> Spec:
        found = self._here()
        if found is None:
            raise StepFailed(f"the container {self.name} is gone")
        image, unused, digest = str(found["Config"].get("Image") or "").partition("@")
        first, unused, tag = image.rpartition(":")
        tagged = first and "/" not in tag
        named = {"image": first if tagged else image, "tag": tag if tagged else UNTAGGED, "digest": digest}
        policy = found["HostConfig"].get("RestartPolicy", {}).get("Name") or "no"
        service = dict(spec["service"], restart=policy)
        return dict(spec, **named, image_id=found["Image"], container_id=found["Id"], service=service)

    def configuration(self, spec: Spec) -> List[Dict[str, Any]]:
        return []

    def lacking(self, spec: Spec) -> Optional[str]:
        if self._of(spec) is not None:
            return None
        if spec.get("container_id"):
            return f"its container {self.name}.{spec['id']} is gone, and it was not made from here"
        if not spec.get("image_id") or self.engine.image(spec["image_id"]) is None:
            return (
                f"the image of {spec['tag']} ({spec.get('image_id') or spec['image']}) is not on this machine any more"
            )
        return None

    def content(self, spec: Spec) -> Optional[str]:
        return None  # an image has its digest for a name

    def needs(self, spec: Spec) -> List[str]:
        mounted = [mount["source"] for mount in spec["service"]["mounts"] if mount["source"].startswith("/")]
        return mounted + spec["service"]["devices"]

    def probe(self) -> Probe:
        return probe_of(self._here(), f"{self.engine.socket}: {self.name}")

    def execute(self, argv: List[str], timeout: float) -> int:
        made = self.engine.call("POST", f"/containers/{self._id()}/exec", {"Cmd": argv})
        self.engine.call("POST", f"/exec/{made['Id']}/start", {"Detach": True})
        give_up = time.monotonic() + timeout
        while True:
            told = self.engine.call("GET", f"/exec/{made['Id']}/json")
            if not told["Running"] and told.get("ExitCode") is not None:
                return int(told["ExitCode"])
            if time.monotonic() >= give_up:
                raise StepFailed(f"the command did not end within {timeout:g} s")
            time.sleep(0.1)

    def log(self, count: int) -> List[str]:
        told = self.engine.call("GET", f"/containers/{self._id()}/logs", stdout="true", stderr="true", tail=count)
        return _unframed(told if isinstance(told, bytes) else b"")

    # --- changing ---------------------------------------------------------------------------------

    def fetch(self, spec: Spec, tick: Tick) -> Mapping[str, Any]:
        known = spec.get("image_id")
        if known and (self._of(spec) is not None or self.engine.image(known) is not None):
            return {}
        reference = f"{spec['image']}@{spec['digest']}"
        found, pulled = self.engine.image(reference), False
        if found is None:
            self.engine.pull(spec["image"], spec["digest"], self.login, tick)
            found, pulled = self.engine.image(reference), True
        if found is None:
            raise StepFailed(f"{reference} was pulled and is not there")
        if known and found["Id"] != known:
            raise StepFailed(f"{reference} is the image {found['Id']} now, and was {known}")
        self._fits(reference, [found.get("Architecture")])
        return {"image_id": found["Id"], "pulled": pulled}

    def prepare(self, spec: Spec) -> None:
        if spec.get("container_id") or self._of(spec) is not None:
            return
        self.engine.call("POST", f"/images/{quote(spec['image_id'])}/tag", repo=f"{OURS}/{self.name}", tag=spec["id"])
        # A restarted Docker starts what was only created, too; an older Podman cannot change the policy later.
        policy = spec["service"]["restart"] if self.engine.is_podman else "no"
        self.engine.call("POST", "/containers/create", body(spec, policy), name=f"{self.name}.{spec['id']}")

    def discard(self, spec: Spec) -> None:
        found = self._of(spec)
        if found is not None and found["State"]["Status"] == "created":
            self.engine.call("DELETE", f"/containers/{found['Id']}")
        self._untag(spec)

    def stop(self, spec: Optional[Spec], grace_s: int) -> Optional[int]:
        found = self._here()
        return self._stopped(found, grace_s) if found is not None else None

    def retain(self, spec: Spec) -> None:
        found = self._of(spec)
        if found is not None:
            self._aside(found, spec["id"])

    def start(self, spec: Spec) -> None:
        self.prepare(spec)
        found = self._of(spec)
        if found is None:
            raise StepFailed(str(self.lacking(spec) or f"the container of release {spec['id']} is gone"))
        self._alone(found, spec)
        self._end_leftovers()
        if found["Name"].lstrip("/") != self.name:
            self.engine.call("POST", f"/containers/{found['Id']}/rename", name=self.name)
        self._policy(found, spec["service"]["restart"])
        self.engine.call("POST", f"/containers/{found['Id']}/start", timeout=120)

    def shelve(self, spec: Spec) -> None:
        found = self._of(spec)
        if found is not None:
            self._stopped(found, spec["service"]["stop"]["grace_s"])
            self._aside(found, spec["id"])

    def prune(self, keep: Iterable[Spec], gone: Iterable[Spec]) -> List[str]:
        kept = list(keep)
        adopted = [spec.get("container_id") for spec in kept]
        told = []
        for spec in gone:
            found = self._of(spec)
            if found is not None and found["Name"].lstrip("/") != self.name and found["Id"] not in adopted:
                told += self._removed(found, kept)
            self._untag(spec)
            if spec.get("pulled") and spec["digest"] not in [other["digest"] for other in kept]:
                self._delete_image(f"{spec['image']}@{spec['digest']}")
        return told

    def _removed(self, found: Mapping[str, Any], kept: List[Spec]) -> List[str]:
        """Remove a container, unless it alone knows where data lies that may not be left behind."""
        name, only = found["Name"].lstrip("/"), mounts.anonymous(found)
        data = ", ".join(f"{lost.path} in {lost.what}" for lost in only)
        if only and (not kept or kept[0]["service"].get("data_left_behind", "refuse") != "allow"):
            return [
                f"the container {name} is kept, as it alone has {data}: docker rm -v {name} once that is not needed"
            ]
        self.engine.call("DELETE", f"/containers/{found['Id']}", force="true")
        return [f"the container {name} is removed, and left {data}: docker volume ls shows it"] if only else []

    # --- details ----------------------------------------------------------------------------------

    def _here(self) -> Optional[Dict[str, Any]]:
        """Return the container under the service's name."""
        return self.engine.container(self.name)

    def _parts(self) -> List[Dict[str, Any]]:
        found = self._here()
        return [found] if found is not None else []

    def _id(self) -> str:
        found = self._here()
        if found is None:
            raise StepFailed(f"there is no container of {self.name}")
        return str(found["Id"])

    def _of(self, spec: Spec) -> Optional[Dict[str, Any]]:
        """Return the container of a release, running or put aside."""
        if spec.get("container_id"):
            return self.engine.container(spec["container_id"])
        for listed in self.engine.labelled(f"{RELEASE_LABEL}={spec['id']}"):
            found = self.engine.container(listed["Id"])
            if found is not None and (found["Config"].get("Labels") or {}).get(SERVICE_LABEL) == self.name:
                return found
        return None

    def _alone(self, chosen: Mapping[str, Any], spec: Spec) -> None:
        """Stop and put aside whatever else of this service runs or has its name."""
        others = [
            self.engine.container(listed["Id"]) for listed in self.engine.labelled(f"{SERVICE_LABEL}={self.name}")
        ]
        for other in [*others, self._here()]:
            if other is None or other["Id"] == chosen["Id"]:
                continue
            release = (other["Config"].get("Labels") or {}).get(RELEASE_LABEL) or other["Id"][:12]
            if other["State"]["Status"] not in ("exited", "created"):
                self._stopped(other, spec["service"]["stop"]["grace_s"])
            if other["Name"].lstrip("/") == self.name:
                self._aside(other, release)

    def _end_leftovers(self) -> None:
        """End what still runs of own containers that the engine calls ended."""
        listed = self.engine.labelled(f"{SERVICE_LABEL}={self.name}")
        leftovers.end([one["Id"] for one in listed if one.get("State") not in (RUNNING, "restarting", "paused")])

    def _stopped(self, found: Mapping[str, Any], grace_s: int) -> int:
        path = f"/containers/{found['Id']}"
        self.engine.call("POST", f"{path}/stop", timeout=grace_s + STOP_EXTRA_S, t=grace_s)
        after = self.engine.container(found["Id"])
        if after is None or after["State"]["Status"] in (RUNNING, "restarting", "paused"):
            raise StepFailed(f"{self.name} was told to stop and is {after['State']['Status'] if after else 'gone'}")
        return int(after["State"]["ExitCode"])

    def _aside(self, found: Mapping[str, Any], release: str) -> None:
        self._policy(found, "no")
        wanted = f"{self.name}.{release}"
        if found["Name"].lstrip("/") != wanted:
            self.engine.call("POST", f"/containers/{found['Id']}/rename", name=wanted)

    def _policy(self, found: Mapping[str, Any], policy: str) -> None:
        now = found["HostConfig"].get("RestartPolicy", {}).get("Name") or "no"
        if now == policy:
            return
        try:
            self.engine.call("POST", f"/containers/{found['Id']}/update", {"RestartPolicy": {"Name": policy}})
        except EngineError as error:
            # An older Podman cannot change it; what was stopped there stays stopped unless the policy is "always".
            if not self.engine.is_podman or error.status == 0 or now == "always":
                raise

    def _untag(self, spec: Spec) -> None:
        self._delete_image(f"{OURS}/{self.name}:{spec['id']}")

    def _delete_image(self, reference: str) -> None:
        try:
            self.engine.call("DELETE", f"/images/{quote(reference, safe='/:@')}")
        except EngineError as error:
            if error.status not in (404, 409):  # gone already, or in use
                raise


def _given(service: Mapping[str, Any]) -> Optional[List[str]]:
    """Return the accelerator devices of a container; ``None`` for "any of them"."""
    gpus = service.get("gpus")
    if gpus == "all" or service.get("runtime") in ("nvidia", "habana") or any(not gpu.isdigit() for gpu in gpus or []):
        return None
    return [f"/dev/nvidia{gpu}" for gpu in gpus or []] + list(service.get("devices") or [])


def _unframed(data: bytes) -> List[str]:
    """Take a log out of its frames: eight bytes before each piece, unless it comes from a terminal."""
    text = bytearray()
    while len(data) >= 8 and data[0] in (0, 1, 2) and data[1:4] == b"\0\0\0":
        size = int.from_bytes(data[4:8], "big")
        text += data[8 : 8 + size]
        data = data[8 + size :]
    text += data
    return bytes(text).decode("utf-8", "replace").splitlines()
