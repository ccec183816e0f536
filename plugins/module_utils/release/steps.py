# Copyright (c) 2026 the muster.fleet authors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What each phase does. A function has the name of its phase in ``phases.py`` and may be repeated after a crash."""

from __future__ import annotations

import os
from typing import Any, Callable, Dict, List

from . import Refused, StepFailed, checks, disk, files, gate, guard, refusals, surroundings
from .keeping import commit, prune
from .kinds.base import Spec, altered
from .work import Work, known

BARRIER_S = 30.0
FURTHER = "Bring it back as it was, go further back (rollback_to), or deploy a release"


def guard_(work: Work) -> None:
    """Refuse what must not be stopped or would lose data, and wait for accelerators."""
    _accelerators(work)
    surroundings.before(work)


def _accelerators(work: Work) -> None:
    running = work.kind.running() if work.kind.touches else None
    specs = [spec for spec in (work.target, work.current) if spec]
    if running and any(spec["service"]["protected"] for spec in specs):
        raise Refused("it is protected and runs: it is not stopped by a deploy", "Stop it when its work is done")
    policy = work.policy()
    source = "/proc/*/fd and the engine's containers"
    why = "" if work.kind.touches else "nothing is stopped"
    if not any(map(guard.is_accelerator, work.kind.given or [])) and work.kind.given is not None:
        why = why or "the service is given no accelerator"
    if why or policy == "ignore":
        why = why or "accelerators: ignore"
        work.report.row("pre.accelerators", "not_applicable", None, "nobody holds one", why, source=source)
        return
    found = work.free(float(policy.partition(":")[2] or 0), running)
    message = f"accelerators are held: {guard.told(found)}" if found else ""
    work.report.row(
        "pre.accelerators", "fail" if found else "pass", guard.told(found), "nobody holds one", message, source=source
    )
    if found:
        raise Refused(f"{message} (accelerators: {policy})")


def space(work: Work) -> None:
    """Answer the checklist; make sure that everything to be written after the stop can be written."""
    needs = work.kind.needs(work.target)
    for file in work.target["files"]:
        if os.path.islink(file["dest"]):
            work.report.warn(f"{file['dest']} is a link and stays one: {files.real(file['dest'])} is written")
    if work.check:
        needs = [path for path in needs if path not in [file["dest"] for file in work.target["files"]]]
    else:
        _make_room(work)
    state_dir = work.store.folder if not work.check else "/"
    if not work.emergency:
        checks.before(work.report, work.target["service"], needs, work.engine, state_dir)
    failing = work.report.failing("pre") if not work.emergency else checks.needed(work.report, needs)
    if failing:
        raise Refused("; ".join(row["message"] for row in failing))


def _make_room(work: Work) -> None:
    store = work.store
    reserve = store.reserve if work.emergency else None
    try:
        if not work.emergency:
            disk.hold(store.reserve)
        store.keep_key()
        if store.entry(work.target["id"]) is None:
            store.write_spec(work.target)
    except OSError as error:
        raise Refused(f"{store.folder} cannot be written: {error}", refusals.ROOM) from error
    before = [file for file in work.target["before"] if file["content"] is not None]
    for name, kept in ((f"{work.target['id']}.before", before), (work.target["id"], work.target["files"])):
        files.stage(name, kept, kept is not before, reserve)
    try:
        files.stage(work.current["id"] if work.current else "", work.current["files"] if work.current else [], False)
    except Refused as error:
        if not work.emergency:
            raise
        work.report.warn(f"if this fails, there is no going on with what runs now: {error}")


def way_back(work: Work) -> None:
    """Make sure that what runs now could be started again."""
    if work.current is None:
        work.report.row(
            "pre.way_back", "not_applicable", None, "a release to go back to", "first deploy: nothing to go back to"
        )
        work.report.warn("first deploy: there is nothing to go back to")
        return
    lacking = _not_to_be_had(work, work.current)
    if lacking and (work.emergency or not work.kind.touches):
        seen = f"{work.current['tag']} ({work.current['id']})"
        work.report.warn(f"if this fails, there is no going on with {seen}: {lacking}")
        work.report.row("pre.way_back", "not_applicable", lacking, "can be started again", "it is to be left for good")
        return
    if lacking and work.kind.running() is not None:
        work.report.row("pre.way_back", "fail", lacking, "can be started again", lacking)
        raise Refused(f"there would be no way back to {work.current['tag']}: {lacking}")
    seen = f"{work.current['tag']} ({work.current['id']})"
    if lacking:
        work.report.warn(f"nothing runs, and there is no way back to {seen}: {lacking}")
        work.report.row(
            "pre.way_back", "not_applicable", lacking, "a release to go back to", "nothing runs that could be lost"
        )
        work.current = None
        return
    work.report.row("pre.way_back", "pass", seen, "can be started again")


def _not_to_be_had(work: Work, current: Spec) -> str:
    """Say why what runs now could not be started again. That it has changed since its deploy is only told."""
    try:
        lacking = work.kind.lacking(current)
        changed = None if lacking else altered(work.kind, current)
    except OSError as error:
        return str(error)
    if changed:
        work.report.warn(f"{current['tag']}: {changed}; as it is now, it can be gone back to")
    return lacking or ""


def pull(work: Work) -> None:
    """Bring the release to this machine. An earlier one is there already, or comes from the registry by its digest."""
    if work.check:
        _foreseen(work)
        return
    try:
        more = work.kind.fetch(work.target, work.tick)
    except StepFailed as error:
        lacking = work.kind.lacking(work.target) if work.target.get("image_id") else None
        why = f"{lacking}; {error}" if lacking and lacking not in str(error) else str(error)
        _target(work, "fail", why)
        raise Refused(why, FURTHER if work.emergency else "") from error
    if more:
        work.target.update(more)
        work.store.write_spec(work.target)
    _target(work, "pass")


def _foreseen(work: Work) -> None:
    """Answer whether a release that was deployed once could be brought here, without bringing it."""
    if work.params["state"] == "present":
        return
    why = work.kind.lacking(work.target) or altered(work.kind, work.target) or ""
    if why and work.engine is None:
        _target(work, "fail", why)
        raise Refused(why, FURTHER)
    if why:
        why = f"{why}: the registry would be asked for it"
        work.report.warn(why)
    _target(work, "unknown" if why else "pass", why)


def _target(work: Work, status: str, message: str = "") -> None:
    if work.emergency:
        seen = f"{work.target['tag']} ({work.target['id']})"
        work.report.row("pre.target", status, seen, "can be started from what is kept", message)


def prepare(work: Work) -> None:
    """Make the new one beside the old one."""
    work.kind.prepare(work.target)
    surroundings.prepared(work)


def stop(work: Work) -> None:
    """Look once more who holds an accelerator (a pull can take long), then stop what runs."""
    if work.kind.touches and work.policy() != "ignore":
        found = work.holders(work.kind.running())
        if found:
            raise StepFailed(f"accelerators are held meanwhile: {guard.told(found)}")
    work.stopping(work.current)
    surroundings.stopped(work)
    wanted = work.target["service"]["gate"]
    work.stood = gate.standing(wanted) if work.current else None
    if work.stood is None and (wanted.get("advancing") or {}).get("resumes"):
        work.report.row("post.resumed", "not_applicable", None, None, "no number stood there that it could go on from")


def retain(work: Work) -> None:
    """Put aside what was stopped."""
    if work.current:
        work.kind.retain(work.current)


def barrier(work: Work) -> None:
    """Wait until the accelerators are free: memory of a card is given back after the process has ended."""
    if work.kind.touches and work.policy() != "ignore":
        found = work.free(BARRIER_S, None)
        if found:
            raise StepFailed(f"accelerators were not free {BARRIER_S:g} s after the stop: {guard.told(found)}")


def configure(work: Work) -> None:
    """Put configuration into its place. Going back takes out first what the releases in between brought."""
    for passed in passed_by(work):
        dests = [file["dest"] for file in work.target["files"]]
        left = [file for file in passed["before"] if file["dest"] not in dests]
        files.restore(f"{passed['id']}.before", left)
    files.activate(work.target["id"], work.target["files"])


def passed_by(work: Work) -> List[Spec]:
    """Return the releases that a rollback goes back over, newest first, as far as they are still known."""
    if work.params["state"] != "rolled_back":
        return []
    newer = [entry["id"] for entry in work.store.releases if entry["seq"] > work.target["seq"]]
    return known(work.store, newer)


def start(work: Work) -> None:
    """Start the release, and nothing else of this service."""
    surroundings.starting(work)
    work.kind.start(work.target)


def gate_(work: Work) -> None:
    """Wait until it is good."""
    work.gate(work.target, None)


def watch(work: Work) -> None:
    """Watch that it stays good, and answer the checklist after a deploy."""
    work.gate(work.target, work.target["service"]["watch_s"])
    checks.after(work.report, work.target["service"], work.kind, work.engine, work.store.folder)
    changed = work.kind.unsteady(work.target)
    if changed:
        raise StepFailed(changed)


STEPS: Dict[str, Callable[[Work], Any]] = {
    "guard": guard_,
    "space": space,
    "way_back": way_back,
    "pull": pull,
    "prepare": prepare,
    "stop": stop,
    "retain": retain,
    "barrier": barrier,
    "configure": configure,
    "start": start,
    "gate": gate_,
    "watch": watch,
    "commit": commit,
    "prune": prune,
}
