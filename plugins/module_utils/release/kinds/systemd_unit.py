# Copyright (c) 2026 the muster.fleet authors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""A service that is no container: folders of versions, a link to the one that is current, and a systemd unit.

``ROOT/current`` leads to ``ROOT/releases/.RELEASE``, which leads to the folder of the version. So one rename says both
which version runs and which release of ours that is. The environment is in ``ROOT/environment``, for
``EnvironmentFile=``.
"""

from __future__ import annotations

import os
import shutil
import time
from typing import Any, Dict, Iterable, List, Mapping, Optional

from .. import StepFailed, guard, sockets, steady, tree
from ..programs import exit_code, said
from .base import RUNNING, Probe, Running, Spec, Tick, altered
from .container_look import STOPPED
from .plain import Plain

ANSWER_S = 20.0
KILLED_S = 15.0
FORCED = 137
SHOWN = (
    "ActiveState",
    "SubState",
    "NRestarts",
    "MainPID",
    "ExecMainStartTimestampMonotonic",
    "ExecMainStatus",
    "ControlGroup",
    "Job",
    "TriggeredBy",
)
STATUS = {"active": RUNNING, "reloading": RUNNING, "activating": "starting", "failed": "failed", "inactive": "exited"}
ENDED = ("exited", "failed")
MICRO = 1e-6


class SystemdUnit(Plain):
    """One unit and the versions below its root."""

    touches = True
    given: Optional[List[str]] = None  # a unit may use any accelerator

    def __init__(self, name: str, service: Mapping[str, Any]):
        self.name, self._unit, self._root = name, service["unit"]["name"], service["unit"]["root"]
        self._artifact = service["unit"].get("artifact")
        self._group = ""  # what the control group was called while the unit ran

    # --- asking -----------------------------------------------------------------------------------

    def resolve(self, spec: Spec) -> str:
        place = self._artifact.replace("{tag}", spec["tag"]) if self._artifact else self._path(spec["tag"])
        try:
            return steady.digest(place)
        except OSError as error:
            raise StepFailed(f"there is no version {spec['tag']}: {place}: {error.strerror}") from error

    def running(self) -> Optional[Running]:
        link = os.path.join(self._root, "current")
        if not os.path.lexists(link):
            return None
        first = os.readlink(link)
        name = os.path.basename(first)
        probe = self.probe()
        release = name[1:] if name.startswith(".") else None
        why = "" if probe.status == RUNNING else f"{self._unit} is {probe.status}"
        return Running(release, self._show().get("ControlGroup", ""), None, os.path.realpath(link), not why, why)

    def adopt(self, spec: Spec) -> Spec:
        path = os.path.realpath(os.path.join(self._root, "current"))
        return dict(spec, tag=os.path.basename(path), image_id=path, digest=tree.digest(path))

    def configuration(self, spec: Spec) -> List[Dict[str, Any]]:
        if not spec["env"]:
            return []
        content = "".join(f"{key}={_quoted(value)}\n" for key, value in sorted(spec["env"].items()))
        dest = os.path.join(self._root, "environment")
        return [{"dest": dest, "content": content, "mode": "0600", "owner": "root", "group": "root"}]

    def lacking(self, spec: Spec) -> Optional[str]:
        if not spec.get("image_id") or not os.path.isdir(spec["image_id"]):
            return f"the folder {spec.get('image_id') or self._path(spec['tag'])} is not there"
        return None

    def content(self, spec: Spec) -> Optional[str]:
        return None if self._artifact or not spec.get("image_id") else tree.digest(spec["image_id"])

    def needs(self, spec: Spec) -> List[str]:
        return []

    def probe(self) -> Probe:
        shown = self._show()
        status = STATUS.get(shown.get("ActiveState", ""), "unknown")
        if shown.get("SubState") == "auto-restart":
            status = "restarting"
        elif status in ENDED and shown.get("Job", "0") not in ("", "0"):
            status = "starting"  # systemd has taken a job for it, and has not come to it yet
        elif status == RUNNING and guard.is_stopped(int(shown.get("MainPID") or 0)):
            status = STOPPED
        code = shown.get("ExecMainStatus", "")
        source = f"systemctl show {self._unit}"
        started = shown.get("ExecMainStartTimestampMonotonic", "")
        up_s = time.monotonic() - int(started) * MICRO if started.isdigit() and started != "0" else None
        ended = int(code) if code.isdigit() else None
        return Probe(status, int(shown.get("NRestarts") or 0), started, "none", ended, source, up_s)

    def pids(self) -> List[int]:
        pid = int(self._show().get("MainPID") or 0)
        return [pid] if pid else []

    def things(self) -> List[str]:
        self._group = self._show().get("ControlGroup", "") or self._group
        return [self._group] if self._group else []

    def on_demand(self) -> bool:
        return ".socket" in self._show().get("TriggeredBy", "")

    def leftovers(self) -> List[str]:
        return [sockets.named([pid]) for pid in guard.members(self.things())]

    def written(self) -> List[str]:
        """Return files in the folder of the version that were changed after it was started."""
        probe, folder = self.probe(), os.path.realpath(os.path.join(self._root, "current"))
        if probe.up_s is None or not os.path.isdir(folder):
            return []
        begun = time.time() - probe.up_s
        return [path for path in tree.changed(folder, begun) if "__pycache__" not in path.split("/")]

    def execute(self, argv: List[str], timeout: float) -> int:
        return exit_code(argv, timeout)

    def log(self, count: int) -> List[str]:
        lines = ["-n", str(count), "-o", "cat", "--no-pager"]
        return said(["journalctl", "-u", self._unit, *lines], ANSWER_S).splitlines()

    # --- changing ---------------------------------------------------------------------------------

    def fetch(self, spec: Spec, tick: Tick) -> Mapping[str, Any]:
        if spec.get("image_id"):
            lacking = self.lacking(spec) or altered(self, spec)
            if lacking:
                raise StepFailed(lacking)
            return {}
        if not self._artifact:
            found = dict(spec, image_id=self._path(spec["tag"]))
            lacking = self.lacking(found) or altered(self, found)
            if lacking:
                raise StepFailed(lacking)
            return {"image_id": found["image_id"]}
        folder = self._path(f"{spec['tag']}-{spec['digest'].partition(':')[2][:12]}")
        if os.path.isdir(folder):
            return {"image_id": folder}
        archive = self._artifact.replace("{tag}", spec["tag"])
        tree.unpack(archive, folder, tick)
        if tree.digest(archive) != spec["digest"]:
            shutil.rmtree(folder, ignore_errors=True)
            raise StepFailed(f"{archive} was changed while it was unpacked")
        return {"image_id": folder, "pulled": True}

    def prepare(self, spec: Spec) -> None:
        tree.link(self._link(spec), spec["image_id"])

    def discard(self, spec: Spec) -> None:
        if os.path.lexists(self._link(spec)):
            os.unlink(self._link(spec))

    def stop(self, spec: Optional[Spec], grace_s: int) -> Optional[int]:
        if self.probe().status in ENDED:
            return None
        self.things()  # the name is gone when it has ended
        self._systemctl("stop", "--no-block")
        if self._ended(grace_s):
            return self.probe().exit_code
        self._systemctl("kill", "--signal=SIGKILL")
        if not self._ended(KILLED_S):
            raise StepFailed(f"{self._unit} does not end, not even by SIGKILL")
        return FORCED

    def retain(self, spec: Spec) -> None:
        """Nothing to do: the folder stays where it is."""

    def start(self, spec: Spec) -> None:
        lacking = self.lacking(spec)
        if lacking:
            raise StepFailed(lacking)
        self.prepare(spec)
        current = os.path.join(self._root, "current")
        if not os.path.lexists(current) or os.readlink(current) != f"releases/.{spec['id']}":
            self.stop(spec, spec["service"]["stop"]["grace_s"])
            tree.link(current, f"releases/.{spec['id']}")
        exit_code(["systemctl", "reset-failed", self._unit], ANSWER_S)  # not 0 where nothing failed
        self._systemctl("start", "--no-block")

    def shelve(self, spec: Spec) -> None:
        running = self.running()
        if running and running.release == spec["id"]:
            self.stop(spec, spec["service"]["stop"]["grace_s"])

    def prune(self, keep: Iterable[Spec], gone: Iterable[Spec]) -> List[str]:
        kept = [spec["image_id"] for spec in keep]
        for spec in gone:
            self.discard(spec)
            if spec.get("pulled") and spec["image_id"] not in kept:
                shutil.rmtree(spec["image_id"], ignore_errors=True)
        return []

    # --- details ----------------------------------------------------------------------------------

    def _path(self, version: str) -> str:
        return os.path.join(self._root, "releases", version)

    def _link(self, spec: Spec) -> str:
        return self._path(f".{spec['id']}")

    def _ended(self, seconds: float) -> bool:
        give_up = time.monotonic() + seconds
        while self.probe().status not in ENDED:
            if time.monotonic() >= give_up:
                return False
            time.sleep(0.1)
        return True

    def _show(self) -> Dict[str, str]:
        told = said(["systemctl", "show", self._unit, "--no-pager", "-p", ",".join(SHOWN)], ANSWER_S)
        return dict(line.split("=", 1) for line in told.splitlines() if "=" in line)

    def _systemctl(self, *words: str) -> None:
        said(["systemctl", *words, self._unit], ANSWER_S)


def _quoted(value: str) -> str:
    """Return a value as systemd reads it from an environment file."""
    escaped = value.replace("\\", "\\\\").replace('"', '\\"').replace("$", "\\$").replace("`", "\\`")
    return f'"{escaped}"'
