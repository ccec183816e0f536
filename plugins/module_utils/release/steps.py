# Copyright (c) 2026 the muster.fleet authors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What each phase does. A function has the name of its phase in ``phases.py`` and may be repeated after a crash."""

from __future__ import annotations

from typing import Any, Callable, Dict, List

from . import Refused, StepFailed, checks, disk, files, gate, guard, surroundings
from .kinds.base import Spec
from .work import Work, is_silent, known

BARRIER_S = 30.0


def guard_(work: Work) -> None:
    """Refuse what must not be stopped or would lose data, and wait for accelerators."""
    _accelerators(work)
    surroundings.before(work)


def _accelerators(work: Work) -> None:
    running = work.kind.running() if work.kind.touches else None
    specs = [spec for spec in (work.target, work.current) if spec]
    if running and any(spec["service"]["protected"] for spec in specs):
        raise Refused("it is protected and runs: it is not stopped by a deploy. Stop it yourself when its work is done")
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
    if work.check:
        needs = [path for path in needs if path not in [file["dest"] for file in work.target["files"]]]
    else:
        _make_room(work)
    state_dir = work.store.folder if not work.check else "/"
    checks.before(work.report, work.target["service"], needs, work.engine, state_dir)
    failing = work.report.failing("pre")
    if failing:
        raise Refused("; ".join(row["message"] for row in failing))


def _make_room(work: Work) -> None:
    store = work.store
    try:
        disk.hold(store.reserve)
        store.keep_key()
        if store.entry(work.target["id"]) is None:
            store.write_spec(work.target)
    except OSError as error:
        raise Refused(f"{store.folder} cannot be written: {error}") from error
    files.stage(
        f"{work.target['id']}.before", [file for file in work.target["before"] if file["content"] is not None], False
    )
    files.stage(work.target["id"], work.target["files"], True)
    if work.current:
        files.stage(work.current["id"], work.current["files"], False)


def way_back(work: Work) -> None:
    """Make sure that what runs now could be started again."""
    if work.current is None:
        work.report.row(
            "pre.way_back", "not_applicable", None, "a release to go back to", "first deploy: nothing to go back to"
        )
        work.report.warn("first deploy: there is nothing to go back to")
        return
    lacking = work.kind.lacking(work.current)
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


def pull(work: Work) -> None:
    """Bring the release to this machine. An earlier one is there already, or comes from the registry by its digest."""
    if work.check:
        lacking = work.kind.lacking(work.target) if work.params["state"] != "present" else None
        if lacking:
            work.report.warn(f"{lacking}: the registry would be asked for it")
        return
    try:
        more = work.kind.fetch(work.target, work.tick)
    except StepFailed as error:
        lacking = work.kind.lacking(work.target) if work.target.get("image_id") else None
        raise Refused(f"{lacking}; {error}" if lacking else str(error)) from error
    if more:
        work.target.update(more)
        work.store.write_spec(work.target)


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


def commit(work: Work) -> None:
    """Enter it into the history: from here on it is what a later failure goes back to."""
    store, target = work.store, work.target
    if store.current == target["id"]:
        return
    if work.params["state"] == "rolled_back":
        reason = f"rolled back: {work.params['why']}" if work.params["why"] else "rolled back"
        newer = [
            entry
            for entry in store.releases
            if entry["seq"] > target["seq"] and entry["verified"] and entry["outcome"] != "rolled_back"
        ]
        known = store.entry(target["id"]) or work.entry(target, True, "deployed")
        entries = [dict(entry, outcome="rolled_back", reason=reason) for entry in newer]
        entries.append(dict(known, since=work.entry(target, True, "")["since"]))
        store.remember("rolled_back", entries, target["id"], **work.who(), stop_exit=work.stop_exit)
    else:
        outcome = {"present": "deployed"}.get(work.params["state"], work.params["state"])
        store.remember("committed", [work.entry(target, True, outcome)], target["id"], **work.who())


def prune(work: Work) -> None:
    """Remove what is not kept. What fails here is a warning: the release itself is good."""
    tidy(work)
    keep = kept(work)
    try:
        gone = known(work.store, [name for name in work.store.spec_names() if name not in keep])
        for text in work.kind.prune(known(work.store, keep), gone) or []:
            work.report.warn(text)
        work.store.drop_specs(keep)
    except (StepFailed, OSError) as error:
        if is_silent(error):
            raise  # nobody knows what an engine does that dies now: the journal stays, and the next run looks
        work.report.warn(f"not everything that is not needed any more was removed: {error}")


def tidy(work: Work) -> None:
    """Remove the configuration files that still wait beside their places."""
    for spec in [work.target, *([work.current] if work.current else [])]:
        files.unstage(spec["id"], spec["files"])
        files.unstage(f"{spec['id']}.before", spec["before"])


def kept(work: Work) -> List[str]:
    """Return the releases that stay: the current one, the next to go back to, and the last bad one for an autopsy."""
    store = work.store
    most = max(1, work.target["service"]["keep"] - 1)
    good = [entry["id"] for entry in store.targets()][:most]
    if good:  # what is the same as the current one is no step back from it, but one from those before it
        good += [entry["id"] for entry in store.targets(good[0]) if entry["id"] not in good][: most - len(good)]
    bad = [entry["id"] for entry in store.releases if not entry["verified"] or entry["outcome"] == "rolled_back"][:1]
    return [name for name in (store.current, *good, *bad) if name]


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
