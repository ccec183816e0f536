# Copyright (c) 2026 the muster.fleet authors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What the state machine asks of a service, whatever kind of service it is."""

from __future__ import annotations

from typing import Any, Callable, Dict, Iterable, List, Mapping, NamedTuple, Optional, Protocol

# What a release is started from (``releases/ID.json``): id, seq, tag, image, digest, image_id, service (all of its
# data), run (the part of it that is configuration), env, files, before (what was where its files are written),
# config_hash, pulled (whether its image came for it), container_id (of one that was not started from here), left (the
# digest of its files when it was replaced, where that is another).
Spec = Dict[str, Any]
Tick = Callable[[], None]

RUNNING = "running"
NOT_STARTED = ("exited", "dead", "failed", "absent", "created", "configured")  # of a probe: there is no process
SETTLED_S = 600.0  # what has run so long is no longer held responsible for its restarts before


class Running(NamedTuple):
    """What runs under the service's name. ``release`` is ``None`` for what was not started from here."""

    release: Optional[str]
    thing: str  # id of the container, path of the version
    image: Optional[str]
    image_id: Optional[str]
    well: bool
    why: str


class Probe(NamedTuple):
    """The state of a service at one moment. ``running`` alone proves nothing: it is also so between two crashes."""

    status: str
    restarts: int
    started: str
    health: str  # none, starting, healthy or unhealthy
    exit_code: Optional[int]
    source: str
    up_s: Optional[float] = None  # seconds since the last start, where that is known
    detail: str = ""  # which part of the service this is about, where it has several


class Lost(NamedTuple):
    """Data of what runs that another release would not find at ``path``; it stays in ``place`` of the host."""

    path: str
    what: str  # an anonymous volume, the volume NAME, the folder PATH
    place: str


class Kind(Protocol):
    """The steps that differ from kind to kind. All of them may be repeated; what is done already is no error."""

    touches: bool  # whether a deploy stops and starts anything
    given: Optional[List[str]]  # accelerator devices that the service is given; None: not known, so any
    has_mounts: bool  # whether it keeps data in mounts
    made_with_stop: bool  # whether other stop settings need another container

    def resolve(self, spec: Spec) -> str:
        """Return what the tag stands for now, as a digest. Changes nothing."""

    def running(self) -> Optional[Running]:
        """Return what runs now."""

    def adopt(self, spec: Spec) -> Spec:
        """Return what is needed to go back to something that runs now and was not started from here."""

    def configuration(self, spec: Spec) -> List[Dict[str, Any]]:
        """Return files that this kind needs beside those of the service (dest, content, mode, owner, group)."""

    def lacking(self, spec: Spec) -> Optional[str]:
        """Say why a release could not be started with what is on this machine."""

    def content(self, spec: Spec) -> Optional[str]:
        """Return the digest of what a release would be started from now; ``None`` where that cannot change."""

    def needs(self, spec: Spec) -> List[str]:
        """Return paths that must exist before a release can be started."""

    def fetch(self, spec: Spec, tick: Tick) -> Mapping[str, Any]:
        """Bring to this machine what a release is started from; return what that adds to ``spec``."""

    def prepare(self, spec: Spec) -> None:
        """Do everything for a start that does not disturb what runs."""

    def discard(self, spec: Spec) -> None:
        """Undo :meth:`prepare` for a release that was never started."""

    def stop(self, spec: Optional[Spec], grace_s: int) -> Optional[int]:
        """Stop what runs; return its exit code, ``None`` when nothing ran."""

    def retain(self, spec: Spec) -> None:
        """Put the stopped release aside, so that it stays and does not start by itself."""

    def start(self, spec: Spec) -> None:
        """Start a release, and nothing else of this service."""

    def shelve(self, spec: Spec) -> None:
        """Stop a bad release and put it aside for an autopsy."""

    def probe(self) -> Probe:
        """Return the state of what runs."""

    def pids(self) -> List[int]:
        """Return the first processes of all parts of the service."""

    def things(self) -> List[str]:
        """Return what the control groups of its processes are named after: ids of containers, a unit's group."""

    def on_demand(self) -> bool:
        """Whether systemd itself listens for the service and hands the socket over."""

    def lost(self, spec: Spec) -> List[Lost]:
        """Return data of what runs that ``spec`` would not find."""

    def written(self) -> List[str]:
        """Return paths that what runs wrote outside its mounts, which stay with it."""

    def remarks(self, spec: Spec) -> List[str]:
        """Return what a person should know of a release before it is started."""

    def leftovers(self) -> List[str]:
        """Name processes of the service that are still there after it was stopped."""

    def unsteady(self, spec: Spec) -> Optional[str]:
        """Say how what a release is started from changed since it was looked at."""

    def execute(self, argv: List[str], timeout: float) -> int:
        """Run a command inside the service; return its exit code."""

    def log(self, count: int) -> List[str]:
        """Return the last lines that the service wrote."""

    def prune(self, keep: Iterable[Spec], gone: Iterable[Spec]) -> List[str]:
        """Remove what belongs to ``gone`` and not to ``keep``, and nothing that is not ours; return what to say."""


def content_of(spec: Spec) -> str:
    """Return the digest of what a release was started from, or of what that had become when it was last left."""
    return str(spec.get("left") or spec["digest"])


def altered(kind: Kind, spec: Spec) -> Optional[str]:
    """Say that what a release would be started from is not what it was."""
    now = kind.content(spec)
    return None if now in (None, content_of(spec)) else f"{spec['image_id']} is not what it was: its digest differs"
