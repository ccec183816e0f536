# Copyright (c) 2026 the muster.fleet authors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The way back, and what to do about an interrupted run. All of it may be interrupted, too, and is then repeated."""

from __future__ import annotations

import time
from typing import Any, Dict, Optional

from . import Refused, StepFailed, files, keeping, phases, steps
from .gate import Bad
from .kinds.base import Spec
from .refusals import BROKEN
from .work import Work, is_silent, known, running

ENGINE_S = 30.0  # an engine that was restarted is back by then
GOES_PAST = ("present", "rolled_back")  # these bring a release of their own, where the one before cannot be had


def recover(work: Work) -> Optional[str]:
    """Bring to order what an interrupted run left; return what was done, ``None`` when there was nothing."""
    journal = work.store.journal()
    if journal is None:
        return None
    params = work.params
    work.params = dict(params, state=journal.get("state", "present"), why=journal.get("why", params["why"]))
    work.stop_exit, work.ran, work.stood = journal.get("stop_exit"), bool(journal.get("ran")), journal.get("stood")
    work.target = next(iter(known(work.store, [journal["release"]])), {})
    work.current = next(iter(known(work.store, [journal["from"]])), None)
    work.alone = True  # what is brought to order is brought to its end, also when nobody waits for it any more
    try:
        told = _brought_to_order(work, journal)
    except Bad as error:  # the journal is closed and the release before runs again: it may be replaced
        told = work.unwell = str(error)
    except StepFailed as error:
        if is_silent(error) or params["state"] not in GOES_PAST:
            raise
        told = _given_up(work, error)
    finally:
        work.params, work.target, work.current, work.stop_exit, work.stood = params, {}, None, None, None
        work.alone = False
    work.store.note("recovered", message=told, **work.who())
    return told


def _given_up(work: Work, error: StepFailed) -> str:
    """Go past a run that cannot be brought to order. Its journal stays until the next one takes its place."""
    target, current = work.target, work.store.current
    if target and not (work.store.entry(target["id"]) or {}).get("verified"):
        work.store.remember("given up", [work.entry(target, False, "failed", str(error))], current, **work.who())
    told = f"an interrupted run could not be brought to order ({error}): it is gone past"
    work.report.warn(told)
    return told


def _brought_to_order(work: Work, journal: Dict[str, Any]) -> str:
    phase = journal["phase"]
    of_run = f"a run for {journal.get('tag') or 'this service'} that was interrupted in phase {phase}"
    if not phases.stopped(phase):
        return f"{of_run}: {_undone(work, journal)}"
    if work.target and work.store.current == work.target["id"]:
        return f"{of_run}: {_completed(work)}"
    if work.target and phases.started(phase):
        try:
            work.gate(work.target, None)
            work.gate(work.target, work.target["service"]["watch_s"])
            finish(work)
        except Bad as error:
            return f"{of_run}: {back(work, str(error))}"
        return f"{of_run}: finished, the release is good"
    return f"{of_run}: {back(work, f'interrupted in phase {phase}')}"


def _completed(work: Work) -> str:
    """Finish what was committed already, and start it again if an engine lost it when it was killed."""
    now = running(work.kind, work.store)
    lost = now is None or not now.well or now.release != work.target["id"]
    if lost:
        _start(work, work.target)
    keeping.prune(work)
    work.store.close_journal()
    if lost:
        work.gate(work.target, None)
    return "finished, it was committed already" + (" and did not run any more: started again" if lost else "")


def _undone(work: Work, journal: Dict[str, Any]) -> str:
    """Undo what was done before the stop. A service that an engine lost when it was killed is started again."""
    now = work.kind.running()
    if not journal.get("ran") or work.current is None or (now is not None and now.well):
        try:
            discard(work)
        except StepFailed as error:
            if is_silent(error):
                raise
            work.report.warn(f"what an interrupted run had prepared could not be removed: {error}")
            work.store.close_journal()
        return "undone, nothing had been stopped"
    work.journal(phases.BACK, True)
    return back(work, "the service had not been stopped, and did not run any more")


def finish(work: Work) -> None:
    """Commit and clean up."""
    for name in ("commit", "prune"):
        work.journal(name, True)
        steps.STEPS[name](work)
    work.store.close_journal()


def discard(work: Work) -> None:
    """Undo what was done before the stop; raise :class:`StepFailed` and leave the journal where that fails."""
    undone = work.target
    fresh = bool(undone) and work.store.entry(undone["id"]) is None  # one to go back to keeps what it has
    if fresh:
        work.kind.discard(undone)
        files.restore(undone["id"], [file for file in undone["before"] if file["content"] is None])
    if undone:
        keeping.tidy(work)
    work.store.close_journal()
    if fresh:
        work.store.drop_specs([name for name in work.store.spec_names() if name != undone["id"]])


def back(work: Work, reason: str) -> str:
    """Bring the release before back and return what was done; raise :class:`StepFailed` when nothing good runs then."""
    work.report.enter(phases.BACK)
    work.journal(phases.BACK, True)
    _patiently(work)
    gone = work.current is None
    trouble = ""
    if not gone:
        try:
            work.gate(work.current or {}, None, told=False)
        except Bad as error:
            trouble = str(error)
    _written_down(work, reason)
    if gone:
        return f"{reason}. Nothing runs: there was nothing to go back to"
    seen = f"{work.current['tag']} ({work.current['id']})" if work.current else ""
    if trouble:
        raise Bad(f"{reason}. {seen} was started again and is not good: {trouble}")
    return f"{reason}. {seen} runs again"


def _patiently(work: Work) -> None:
    """Go back, for as long as the engine may take to come back itself."""
    give_up = time.monotonic() + ENGINE_S
    while True:
        try:
            return _return(work)
        except StepFailed as error:
            if not is_silent(error) or time.monotonic() >= give_up:
                raise
        work.tick()
        time.sleep(0.5)


def _return(work: Work) -> None:
    target, current = work.target, work.current
    if target:
        work.kind.shelve(target)
        kept = [file["dest"] for file in (current or {}).get("files", [])]
        files.restore(f"{target['id']}.before", [file for file in target["before"] if file["dest"] not in kept])
    if current:
        files.activate(current["id"], current["files"])
        _start(work, current)


def _start(work: Work, spec: Spec) -> None:
    """Start a release again; what is not on this machine any more is fetched by its digest."""
    lacking = work.kind.lacking(spec)
    if lacking:
        try:
            spec.update(work.kind.fetch(spec, work.tick))
        except StepFailed as error:
            if is_silent(error):
                raise
            raise StepFailed(lacking if lacking in str(error) else f"{lacking}; {error}") from error
    work.kind.start(spec)


def _written_down(work: Work, reason: str) -> None:
    store, target = work.store, work.target
    name = work.current["id"] if work.current else None
    entries = []
    if target and (store.entry(target["id"]) or {"verified": False})["verified"] is False:
        entries.append(work.entry(target, False, "reverted" if name else "failed", reason))
    store.remember("reverted", entries, name, reason=reason, **work.who())
    if target:
        keeping.tidy(work)
    store.close_journal()


def failed(work: Work, error: Exception) -> str:
    """Go back after a failure past the stop; return what was done, raise :class:`StepFailed` when that fails too."""
    reason = str(error) if isinstance(error, (StepFailed, Refused)) else f"{type(error).__name__}: {error}"
    try:
        return back(work, reason)
    except Bad:
        raise
    except (StepFailed, OSError) as more:
        raise StepFailed(f"{reason}. On the way back: {more}. {BROKEN}") from more
