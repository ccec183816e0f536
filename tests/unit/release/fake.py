# Copyright (c) 2026 the muster.fleet authors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""A kind of service that exists in memory only, and a machine that can die at any change of disk or service."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from unittest import mock

from ansible_collections.muster.fleet.plugins.module_utils.release import StepFailed, disk, lease, machine
from ansible_collections.muster.fleet.plugins.module_utils.release.kinds.base import Lost, Probe, Running, altered
from ansible_collections.muster.fleet.plugins.module_utils.release.kinds.plain import Plain

DIGESTS = {"good": "sha256:1", "better": "sha256:2", "bad": "sha256:3"}
SERVICE = {
    "image": "registry.example.com/app",
    "gate": {"timeout_s": 0, "running_s": 0},
    "watch_s": 0,
    "stop": {"grace_s": 1},
    "env": {"TOKEN": "hidden"},
}


class Killed(BaseException):
    """What kill -9 looks like from inside."""


class Fuse:
    """Counts changes and dies at one of them."""

    def __init__(self) -> None:
        self.left: int | None = None
        self.count = 0

    def __call__(self) -> None:
        """Count one change; die when it is the last."""
        self.count += 1
        if self.left is not None:
            self.left -= 1
            if self.left < 0:
                raise Killed


class World:
    """Containers of one service: id of a release -> its tag and whether it runs. ``name`` holds the service's name."""

    def __init__(self, fuse: Fuse) -> None:
        self.things: dict[str, dict[str, Any]] = {}
        self.name: str | None = None
        self.digests = dict(DIGESTS)
        self.given: list[str] | None = []
        self.unavailable: set[str] = set()  # digests that no registry has any more
        self.gone: set[str] = set()  # releases that could not be started again
        self.contents: dict[str, str] = {}  # digest of a release -> what its files have become
        self.fuse = fuse
        self.exit_code = 0
        self.sick = ""  # why what runs is not good, although it runs
        self.lost: list[Lost] = []
        self.left: list[str] = []
        self.unsteady: str | None = None
        self.told: list[str] = []

    def running(self) -> list[str]:
        """Return the releases that run."""
        return [release for release, thing in self.things.items() if thing["runs"]]


class FakeKind(Plain):
    """The protocol over a :class:`World`."""

    touches = True
    has_mounts = True
    made_with_stop = True

    def __init__(self, world: World) -> None:
        self.world = world
        self.given = world.given

    def _change(self, release: str, **changes: Any) -> None:
        self.world.fuse()
        self.world.things[release].update(changes)

    def resolve(self, spec: dict[str, Any]) -> str:
        if spec["tag"] not in self.world.digests:
            raise StepFailed(f"there is no tag {spec['tag']}")
        return self.world.digests[spec["tag"]]

    def running(self) -> Running | None:
        name = self.world.name
        if name is None:
            return None
        runs = self.world.things[name]["runs"]
        return Running(name, name, None, None, runs, "" if runs else "it is exited")

    def adopt(self, spec: dict[str, Any]) -> dict[str, Any]:
        return dict(spec, container_id=self.world.name)

    def configuration(self, spec: dict[str, Any]) -> list[dict[str, Any]]:
        return []

    def lacking(self, spec: dict[str, Any]) -> str | None:
        return None if spec["id"] in self.world.things and spec["id"] not in self.world.gone else "its image is gone"

    def content(self, spec: dict[str, Any]) -> str | None:
        return self.world.contents.get(spec["digest"], spec["digest"])

    def needs(self, spec: dict[str, Any]) -> list[str]:
        return []

    def fetch(self, spec: dict[str, Any], tick: Callable[[], None]) -> dict[str, Any]:
        tick()
        changed = altered(self, spec) if spec["image_id"] else None
        if changed or (spec["digest"] in self.world.unavailable and spec["id"] not in self.world.things):
            raise StepFailed(changed or f"no registry has {spec['digest']}")
        return {"image_id": f"image of {spec['digest']}"}

    def prepare(self, spec: dict[str, Any]) -> None:
        self.world.fuse()
        self.world.things.setdefault(spec["id"], {"tag": spec["tag"], "runs": False})

    def discard(self, spec: dict[str, Any]) -> None:
        self.world.fuse()
        if spec["id"] != self.world.name:
            self.world.things.pop(spec["id"], None)

    def stop(self, spec: dict[str, Any] | None, grace_s: int) -> int | None:
        if self.world.name is None:
            return None
        self._change(self.world.name, runs=False)
        return self.world.exit_code

    def retain(self, spec: dict[str, Any]) -> None:
        self.world.fuse()
        if self.world.name == spec["id"]:
            self.world.name = None

    def start(self, spec: dict[str, Any]) -> None:
        self.prepare(spec)
        for other in self.world.running():
            if other != spec["id"]:
                self._change(other, runs=False)
        self.world.fuse()
        self.world.name = spec["id"]
        self._change(spec["id"], runs=True)

    def shelve(self, spec: dict[str, Any]) -> None:
        if spec["id"] in self.world.things:
            self._change(spec["id"], runs=False)
            self.retain(spec)

    def probe(self) -> Probe:
        name = self.world.name
        tag = self.world.things[name]["tag"] if name else None
        runs = name is not None and self.world.things[name]["runs"] and tag != "bad"
        status = self.world.sick or "running"
        return Probe(status if runs else "exited", 0, str(name), "none", None, "a fake")

    def lost(self, spec: dict[str, Any]) -> list[Lost]:
        return self.world.lost if self.world.name else []

    def leftovers(self) -> list[str]:
        return self.world.left

    def unsteady(self, spec: dict[str, Any]) -> str | None:
        return self.world.unsteady

    def pids(self) -> list[int]:
        return []

    def execute(self, argv: list[str], timeout: float) -> int:
        return 0

    def log(self, count: int) -> list[str]:
        return []

    def prune(self, keep: Any, gone: Any) -> list[str]:
        for spec in gone:
            self.discard(spec)
        return self.world.told


class Site:
    """One service on one machine, with every change counted."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.fuse = folder, Fuse()
        self.world = World(self.fuse)
        self.config = folder / "app.conf"
        folder.mkdir(parents=True, exist_ok=True)

    @property
    def state(self) -> Path:
        """The service's folder of state."""
        return self.folder / "state" / "app"

    def run(
        self, tag: str | None = None, dies_at: int | None = None, check: bool = False, **options: Any
    ) -> dict[str, Any]:
        """Run once; return the result, or nothing when it died at that change."""
        self.fuse.left = dies_at
        held: list[lease.Lease] = []
        with self._replaced(held):
            try:
                return machine.run(self._params(tag, options), check)
            except Killed:
                return {}
            finally:
                self.fuse.left = None
                for each in held:
                    if each._lock >= 0:
                        os.close(each._lock)  # as the kernel does

    def _params(self, tag: str | None, options: dict[str, Any]) -> dict[str, Any]:
        file = {"dest": str(self.config), "content": f"{tag}\n", "owner": str(os.getuid()), "group": str(os.getgid())}
        told = {"name": "app", "service": SERVICE, "state": "present", "tag": tag, "to": 1, "of_run": None, "env": {}}
        told |= {
            "files": [file] if tag else [],
            "registry": None,
            "run_id": "r1",
            "who": "tester",
            "why": "",
            "socket": None,
        }
        return {**told, "state_dir": str(self.folder / "state"), "lease_s": 900, **options}

    @contextlib.contextmanager
    def _replaced(self, held: list[lease.Lease]) -> Iterator[None]:
        def counted(does: Callable[..., Any]) -> Callable[..., Any]:
            def wrapped(*words: Any, **more: Any) -> Any:
                self.fuse()
                return does(*words, **more)

            return wrapped

        release, take = lease.Lease.release, lease.Lease.take

        def taken(each: lease.Lease, *words: str) -> None:
            held.append(each)
            take(each, *words)

        def released(each: lease.Lease) -> None:
            if self.fuse.left is None or self.fuse.left >= 0:  # the dead release nothing
                release(each)

        kind = FakeKind(self.world)
        changes = {name: counted(getattr(disk, name)) for name in ("put", "sync", "remove")}
        with (
            mock.patch.multiple(disk, **changes),
            mock.patch.multiple(lease.Lease, take=taken, release=released),
            mock.patch.object(machine.kinds, "make", return_value=(kind, None)),
            mock.patch("time.sleep"),
        ):
            yield
