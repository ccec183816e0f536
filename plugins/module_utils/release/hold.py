# Copyright (c) 2026 the muster.fleet authors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Leaves what runs as it is, if it is good: that it was so when it was deployed says nothing of this moment."""

from __future__ import annotations

from typing import List, Tuple

from . import StepFailed, checks
from .kinds.base import Spec
from .work import Work

WAY_OUT = "Nothing was changed: go back with the rollback, or replace it by itself (module release, state: restarted)"


def judge(work: Work, spec: Spec, what: str) -> Tuple[str, str]:
    """Put what runs through the gate of ``spec`` and return outcome and message; ``what`` says why it is not replaced.

    A dry run does not run the gate's command in the service.
    """
    wanted = dict(spec["service"]["gate"])
    if work.check and wanted.get("command"):
        wanted["command"] = None
        work.report.row("post.command", "not_applicable", None, "exit code 0", "dry run: the command is not run")
    try:
        work.gate(dict(spec, service=dict(spec["service"], gate=wanted)), None, ran_before=True)
    except StepFailed as error:
        work.report.warn(f"{what}, and it is not good: {error}")
        return "failed", f"{what}, and it is not good: {error}. {WAY_OUT}"
    if (wanted.get("advancing") or {}).get("resumes"):
        work.report.row("post.resumed", "not_applicable", None, None, "it was not stopped")
    checks.after(work.report, spec["service"], work.kind, work.engine, work.store.folder if not work.check else "/")
    return "unchanged", f"{what}, and passes its gate"


def taken_over(work: Work) -> List[str]:
    """Take over the settings around the release that runs, such as its gate, and return which of them are new."""
    current = work.current or {}
    wanted = work.target["service"]
    now = current.get("service", {})
    fresh = sorted(key for key in {*wanted, *now} if wanted.get(key) != now.get(key) and key != "env")
    if fresh and not work.check:
        work.store.write_spec(dict(current, service=wanted))
    return fresh
