# Copyright (c) 2026 the muster.fleet authors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The state machine: one run for one service on this machine, through the phases or back."""

from __future__ import annotations

import contextlib
from typing import Any, Dict, Mapping, Optional

from . import Refused, StepFailed, choose, disk, hold, kinds, phases, recovery, refusals, steps
from .lease import Held, Lost
from .report import Report, short
from .store import Store
from .work import Work, is_up, known, running

DONE = {"present": "deployed", "rolled_back": "rolled_back", "restarted": "restarted"}
TRUSTED = "Let root own {} and everything above it, or name another place (deploy_state_dir)"
FORGOTTEN = "which release was verified is not known any more. What runs is the release before the next one"
ERRORS = (Refused, StepFailed, disk.Damaged, OSError, Held, Lost)


def run(params: Mapping[str, Any], check_mode: bool = False) -> Dict[str, Any]:
    """Do what the options of the module say and return its result: never an exception for what can be expected."""
    return Machine(params, check_mode).run()


class Machine:
    """One run. Its tests replace :meth:`enter`."""

    def __init__(self, params: Mapping[str, Any], check_mode: bool):
        self.params, self.check = params, check_mode
        self.store = Store(params["state_dir"], params["name"])
        self.work: Work
        self.last = "lease"

    def run(self) -> Dict[str, Any]:
        """Run, and tell how it ended."""
        try:
            service = self._known_service()
            kind, engine = kinds.make(self.params, service, self.store) if service else (None, None)
        except ERRORS as error:
            return self._without("refused", refusals.told(error, "lease"))
        if kind is None:
            return self._never_deployed()
        self.work = Work(self.params, kind, engine, self.store, self.check)
        self.work.protected = bool(service["protected"])
        try:
            return self._guarded()
        except ERRORS as error:
            if not self.store.releases:
                with contextlib.suppress(OSError):
                    self.store.load(strict=False)  # who is refused the lease is still told what runs
            down = isinstance(error, Lost) and phases.stopped(self.last)
            return self._result("failed" if down else "refused", down, refusals.told(error, self.last))
        finally:
            if not self.check:
                with contextlib.suppress(OSError):
                    self.store.refill(self.work.lease.held)
                self.work.lease.release()

    def enter(self, name: str) -> None:
        """Go into a phase: the journal says so before anything of it is done."""
        phase = phases.PHASES[phases.NAMES.index(name)]
        if phase.journaled and name != phases.COMMITTED:
            self.work.wanted()
        self.work.report.enter(name)
        self.last = name
        if self.check or not phase.journaled:
            return
        self.work.lease.renew()
        self.work.journal(name, phase.stops)

    # --- the run ----------------------------------------------------------------------------------

    def _guarded(self) -> Dict[str, Any]:
        work, store = self.work, self.store
        self.enter("lease")
        wrong = disk.untrusted(self.params["state_dir"])
        if wrong:
            raise Refused(f"{wrong}, who could put another in its place", TRUSTED.format(self.params["state_dir"]))
        if not self.check:
            store.create()
            reserve = store.reserve if store.emergency else None
            disk.spared(reserve, lambda: work.lease.take(self.params["who"], self.params["run_id"]))
        self.enter("recover")
        self._load()
        if not self.check:
            self._recover()
        elif store.journal() is not None:
            work.report.recovered = "an interrupted run would be brought to order first"
        return self._recovered() if self.params["state"] == "recovered" else self._replace()

    def _load(self) -> None:
        """Read what is remembered. What was changed by hand stops a deploy, and nothing that brings a service up."""
        store = self.store
        store.load(strict=False)
        if not store.releases and store.spec_names():
            self.work.report.warn(f"history.json and audit.jsonl of {store.folder} are both gone: {FORGOTTEN}")
        for found in store.damage:
            if found.by_hand and self.params["state"] == "present":
                raise disk.Damaged(found.why, store.rebuilt_by(found))
            if self.check:
                self.work.report.warn(found.why)

    def _recovered(self) -> Dict[str, Any]:
        """Tell what became of an interrupted run, and whether the service runs: that is what one recovers for."""
        report, current = self.work.report, self.store.entry(self.store.current)
        changed = report.recovered is not None
        if self.work.unwell:
            return self._result("failed", True, f"{report.recovered}. {refusals.WORSE}")
        judged = not changed and bool(known(self.store, [self.store.current]))
        if judged:
            return self._as_it_is("nothing to recover")
        if current and not (self.check and changed) and not is_up(self.work.kind):
            down = f"{current['tag']} ({current['id']}) does not run"
            return self._result("failed", changed, f"{report.recovered or down}. {refusals.BROKEN}")
        return self._result("recovered" if changed else "unchanged", changed, report.recovered or "nothing to recover")

    def _recover(self) -> None:
        """Bring to order what damage, a crash or an interrupted run left."""
        work, store = self.work, self.store
        for text in [*store.rebuild(), store.mend(), store.rekey() if store.key_lost else None]:
            if text:
                work.report.warn(text)
        if store.behind:
            store.write_history()
        if work.lease.left_behind:
            left = work.lease.left_behind
            work.report.warn(
                f"took over the lease of {left['owner'] or 'somebody'} (run {left['run_id'] or 'without a name'})"
            )
        work.report.recovered = recovery.recover(work)

    def _replace(self) -> Dict[str, Any]:
        work = self.work
        nothing = self._nothing_to_do()
        if nothing:
            return self._as_it_is(nothing)
        self.enter("render")
        now = choose.current(work)
        choose.render(work)
        self.enter("resolve")
        differs = choose.resolve(work, now)
        work.report.target = short(work.target)
        if not differs:
            return self._kept()
        try:
            self._through()
        except Lost:
            raise
        except Exception as error:  # whatever it is: the service must not stay down
            return self._after(error)
        return self._result(
            DONE[self.params["state"]], True, f"{work.target['tag']} {'would run' if self.check else 'runs'}"
        )

    def _kept(self) -> Dict[str, Any]:
        """Leave the release that is asked for as it is, with what is around it as it is now wanted."""
        work = self.work
        outcome, message = hold.judge(work, work.target, f"{work.target['tag']} runs already")
        fresh = hold.taken_over(work) if outcome == "unchanged" else []
        message += f"; holds from now on: {', '.join(fresh)}" if fresh else ""
        return self._result(outcome, work.report.recovered is not None, message)

    def _as_it_is(self, why: str) -> Dict[str, Any]:
        """Leave what runs alone, and ask whether it is good. What is protected may have done its work and ended."""
        work, outcome = self.work, "unchanged"
        spec = next(iter(known(self.store, [self.store.current])), None)
        if spec and self.params["state"] in ("restarted", "recovered"):
            runs = running(work.kind, self.store)
            if not work.protected or (runs is not None and runs.well):
                outcome, why = hold.judge(work, spec, why)
        return self._result(outcome, work.report.recovered is not None, why)

    def _nothing_to_do(self) -> Optional[str]:
        state, of_run = self.params["state"], self.params.get("of_run")
        now = self.store.entry(self.store.current)
        if (
            state == "rolled_back"
            and of_run
            and (now is None or now["run_id"] != of_run or now["outcome"] == "rolled_back")
        ):
            return f"what runs was not deployed by run {of_run}"
        if state == "restarted" and (now is None or self.work.protected):
            why = "it is protected" if now else "nothing was deployed from here"
            self.work.report.warn(f"{why}: not restarted")
            return f"{why}: not restarted"
        return None

    def _through(self) -> None:
        for phase in phases.PHASES[phases.NAMES.index("guard") :]:
            if self.check and (phase.stops or phase.name == "prepare"):
                break
            self.enter(phase.name)
            if phase.name == "guard" and not self.check:
                self._adopt()
            steps.STEPS[phase.name](self.work)
        if not self.check:
            self.store.close_journal()

    def _adopt(self) -> None:
        """Enter what runs and was not started from here into the history."""
        work = self.work
        if work.adopted and work.current:
            self.store.keep_key()
            self.store.write_spec(work.current)
            self.store.remember("adopted", [work.adopted], work.current["id"], **work.who())

    # --- the end ----------------------------------------------------------------------------------

    def _after(self, error: Exception) -> Dict[str, Any]:
        """Go back when the service may be down; otherwise undo what was prepared."""
        stopped = phases.stopped(self.last)
        if not self.check:
            with contextlib.suppress(disk.Damaged, OSError):
                self.work.lease.assure()  # who was overtaken while it stood still must not lead back what others did
        if self.check or not stopped:
            self._discard()
            if not isinstance(error, ERRORS):
                raise error
            return self._result("refused", False, refusals.told(error, self.last))
        if self.store.current == self.work.target["id"]:
            return self._result(DONE[self.params["state"]], True, f"{self.work.target['tag']} runs, and then: {error}")
        try:
            told = recovery.failed(self.work, error)
        except (StepFailed, OSError) as more:
            return self._result("failed", True, str(more))
        return self._result("reverted" if self.work.current else "failed", True, told)

    def _discard(self) -> None:
        if self.check:
            return
        try:
            recovery.discard(self.work)
        except (StepFailed, OSError) as error:
            self.work.report.warn(f"what was prepared could not be removed, the next run tries again: {error}")

    def _result(self, outcome: str, changed: bool, message: str) -> Dict[str, Any]:
        report = self.work.report
        if report.recovered and outcome == "refused":
            changed = True
        try:
            up = is_up(self.work.kind)
            now = running(self.work.kind, self.store) if up else None
        except (StepFailed, OSError) as error:
            report.warn(f"what runs now cannot be told: {error}")
            up, now = True, None
        if outcome == "refused" and not up and self.store.current:
            outcome = "failed"
            message = message if refusals.BROKEN in message else f"{message}. {refusals.BROKEN}"
        return report.result(self.store, outcome, changed, message, now.release if now else None)

    def _without(self, outcome: str, message: str, *warnings: str) -> Dict[str, Any]:
        """Tell how a run ended that did not get as far as the service."""
        report = Report(self.params["name"])
        report.enter("lease")
        report.warnings.extend(warnings)
        return report.result(self.store, outcome, False, message, None)

    def _never_deployed(self) -> Dict[str, Any]:
        """Tell that there is nothing to go back from, restart or recover."""
        message = "it was never deployed from here"
        if self.params["state"] == "rolled_back" and not self.params.get("of_run"):
            return self._without("refused", f"cannot go back: {message}. Deploy a release (deploy_tag)")
        return self._without("unchanged", message, *([message] if self.params["state"] == "restarted" else []))

    def _known_service(self) -> Dict[str, Any]:
        """Return the service as given, or as it was deployed; empty when it never was."""
        if self.params["service"]:
            return choose.parsed(self.params).data()
        self.store.load(strict=False)
        journal = self.store.journal() or {}
        names = [self.store.current, journal.get("from"), journal.get("release"), *self.store.spec_names()]
        for spec in known(self.store, names):
            return dict(spec["service"])
        if self.store.releases or self.store.spec_names():
            folder = self.store.folder
            raise disk.Damaged(
                f"{folder}/releases: nothing in it has the hash that was recorded: it was changed, or {folder}/key was",
                f"Name the service (deploy_service), or look at it and remove {folder}/key to go on from it as it is",
            )
        return {}
