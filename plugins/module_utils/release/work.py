# Copyright (c) 2026 the muster.fleet authors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Everything one run works with, and the parts of it that more than one step needs."""

from __future__ import annotations

import contextlib
import json
import time
from typing import Any, Dict, Iterable, List, Mapping, Optional

from . import Refused, StepFailed, clock, controller, disk, gate, guard, listeners
from .engine import Engine
from .kinds.base import Kind, Running, Spec
from .lease import Lease
from .report import Report
from .store import Store

FORCED = 137
ENDED = ("exited", "dead", "failed", "absent", "created")
TICK_S = 5.0  # between two renewals of the lease within a phase
LOOK_S = 2.0  # between two looks at who holds an accelerator


class Work:
    """One run for one service. ``target`` is the release that is to run, ``current`` the one to go back to."""

    def __init__(self, params: Mapping[str, Any], kind: Kind, engine: Optional[Engine], store: Store, check: bool):
        self.params, self.kind, self.engine, self.store, self.check = params, kind, engine, store, check
        self.report = Report(params["name"])
        self.owner = listeners.Listeners(kind, engine)
        self.lease = Lease(store.folder, params["lease_s"])
        self.target: Spec = {}
        self.current: Optional[Spec] = None
        self.protected = False  # what is known of the service now; what runs may say so as well
        self._ticks_from = 0.0
        self.ran = False  # whether the service was well when the run began
        self.stop_exit: Optional[int] = None
        self.stood: Optional[float] = None  # the number that must advance, after what ran was stopped
        self.adopted: Optional[Dict[str, Any]] = None  # an entry for what runs and was not started from here
        self.unwell = ""  # why what an interrupted run left running again is not good
        self.emergency = params["state"] == "rolled_back"  # going back: held to nothing that it can do without
        self.alone = check or params["state"] != "present"  # whether it goes on when nobody waits for its result
        store.emergency = params["state"] in ("rolled_back", "recovered")

    def wanted(self) -> None:
        """Raise :class:`StepFailed`, once, when the controller of a deploy is gone: it is undone then, or gone back."""
        if not self.alone and controller.is_gone():
            self.alone = True
            raise StepFailed(controller.GONE)

    def tick(self) -> None:
        """Say that the run goes on, now and then; raise :class:`lease.Lost`, or that nobody waits for it any more."""
        self.wanted()
        if not self.check and time.monotonic() >= self._ticks_from:
            self.lease.renew()
            self._ticks_from = time.monotonic() + TICK_S

    def journal(self, phase: str, stopped: bool) -> None:
        """Write down what is done next: before it is done."""
        told = {
            "phase": phase,
            "stopped": stopped,
            "release": self.target.get("id"),
            "from": self.current["id"] if self.current else None,
            "state": self.params["state"],
            "tag": self.target.get("tag"),
            "seq": self.target.get("seq"),
            "ran": self.ran,
            "stop_exit": self.stop_exit,
            "stood": self.stood,
            "engine": self.engine.identity() if self.engine else None,
            "at": clock.now(),
            **self.who(),
        }
        self.store.write_journal(told)

    def who(self) -> Dict[str, str]:
        """Return who runs this and why, for journal, history and log."""
        return {key: str(self.params[key]) for key in ("who", "why", "run_id")}

    # --- the gate ---------------------------------------------------------------------------------

    def gate(self, spec: Spec, watch_s: Optional[float], told: bool = True, ran_before: bool = False) -> None:
        """Pass a release through its gate or, with ``watch_s``, its watch window; raise :class:`gate.Bad`.

        What was seen goes into the checklist if it is to be ``told``: on the way back, what failed must stay there, and
        a number that the failed release set back is not held against the one before. ``ran_before``: it was not started
        in this run.
        """
        stood, wanted = self.stood if told else None, spec["service"]["gate"]
        watched = gate.Watched(self.kind, wanted, self.tick, self.report.name, stood, self.owner, ran_before)
        if told and not [place for place in listeners.asked(wanted) if listeners.is_here(place)]:
            why = "the gate asks no address of this machine that is the service's own"
            self.report.row("post.listener", "not_applicable", None, "the service itself", why)
        try:
            if watch_s is None:
                watched.open()
            else:
                watched.watch(watch_s)
        finally:
            for row in watched.rows.values() if told else ():
                self.report.add(row)

    # --- accelerators -----------------------------------------------------------------------------

    def policy(self) -> str:
        """Return what is to be done about held accelerators: refuse, ignore or wait:N."""
        return str(self.target["service"]["accelerators"])

    def holders(self, own: Optional[Running]) -> List[guard.Holder]:
        """Return who else holds an accelerator of the service."""
        things = [own.thing, *self.kind.things()] if own else []
        return guard.holders(self.kind.given, self.kind.pids() if own else [], things, self.engine)

    def free(self, seconds: float, own: Optional[Running]) -> List[guard.Holder]:
        """Wait until nobody else holds them; return who still does."""
        give_up = time.monotonic() + seconds
        while True:
            found = self.holders(own)
            if not found or self.check or time.monotonic() >= give_up:
                return found
            self.tick()
            time.sleep(min(LOOK_S, max(0.05, seconds / 20)))

    # --- stopping ---------------------------------------------------------------------------------

    def stopping(self, spec: Optional[Spec]) -> None:
        """Stop what runs, with its own grace, and keep how it ended."""
        grace = (spec or self.target)["service"]["stop"]["grace_s"]
        self.lease.renew(grace + 120.0)
        self.stop_exit = self.kind.stop(spec, grace)
        if self.stop_exit is None:
            return
        forced = self.stop_exit == FORCED
        message = f"stopped by force: exit code {FORCED}, grace of {grace} s exceeded" if forced else ""
        if forced:
            self.report.warn(message)
        self.report.row(
            "stop", "fail" if forced else "pass", self.stop_exit, "ends by itself", message, source="exit code"
        )

    # --- the history ------------------------------------------------------------------------------

    def entry(self, spec: Spec, verified: bool, outcome: str, reason: str = "") -> Dict[str, Any]:
        """Return a release's entry for the history."""
        told = {key: spec.get(key) for key in ("id", "seq", "tag", "image", "digest", "image_id", "config_hash")}
        told["engine"] = self.engine.identity() if self.engine else spec.get("engine")
        return dict(
            told,
            verified=verified,
            outcome=outcome,
            reason=reason,
            stop_exit=self.stop_exit,
            since=clock.now(),
            **self.who(),
        )


def spec_of(store: Store, release: Optional[str]) -> Optional[Spec]:
    """Return what a release is started from; raise :class:`Refused` when that is damaged."""
    if release is None:
        return None
    try:
        return store.spec(release)
    except disk.Damaged as error:
        raise Refused(str(error)) from error


def known(store: Store, names: Iterable[Optional[str]]) -> List[Spec]:
    """Return those of these releases of which is known, undamaged, what they are started from."""
    found = []
    for name in names:
        with contextlib.suppress(disk.Damaged):
            found += [store.spec(name)] if name else []
    return found


def running(kind: Kind, store: Store) -> Optional[Running]:
    """Return what runs and the release that it was entered as, also if it was not started from here."""
    found = kind.running()
    if found is None or found.release:
        return found
    adopted = (spec["id"] for spec in known(store, store.spec_names()) if spec.get("container_id") == found.thing)
    return found._replace(release=next(adopted, None))


def texts(value: Any, what: str) -> Any:
    """Take an option that is data or JSON of it."""
    if not isinstance(value, str):
        return value
    try:
        return json.loads(value) if value else None
    except ValueError as error:
        raise Refused(f"{what} is no JSON") from error


def is_up(kind: Kind) -> bool:
    """Whether anything of a service runs, be it good or not."""
    return kind.probe().status not in ENDED


def is_silent(error: Exception) -> bool:
    """Whether an error is that of an engine that does not answer at all."""
    return isinstance(error, StepFailed) and getattr(error, "status", None) == 0
