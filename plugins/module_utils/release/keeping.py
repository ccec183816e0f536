# Copyright (c) 2026 the muster.fleet authors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The end of a release that is good: it goes into the history, and what is not kept is removed."""

from __future__ import annotations

from typing import List

from . import StepFailed, files
from .kinds.base import content_of
from .work import Work, is_silent, known


def commit(work: Work) -> None:
    """Enter it into the history: from here on it is what a later failure goes back to."""
    store, target = work.store, work.target
    if store.current == target["id"]:
        return
    _as_left(work)
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


def _as_left(work: Work) -> None:
    """Keep what the files of the release before were like when it ended: that is what a rollback brings back."""
    now = work.kind.content(work.current) if work.current else None
    if work.current and now not in (None, content_of(work.current)):
        work.current["left"] = now
        work.store.write_spec(work.current)


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
