# Copyright (c) 2026 the muster.fleet authors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What a stop-and-replace would lose or run into: data that stays behind, addresses that others have, old processes.

A rollback is told of all this and held up by none of it: it is the emergency.
"""

from __future__ import annotations

import time
from typing import Callable, List, Mapping, Tuple

from . import Refused, StepFailed, listeners, mounts
from .kinds.base import Lost
from .work import Work

ENDS_S = 3.0  # what a stop leaves may take a moment to be gone
BACK = "rolled_back"
DATA = "pre.data"
LISTENER = "pre.listener"
WAY_OUT = "End that, choose another port, or say own: false where the gate is to ask somebody else"


def before(work: Work) -> None:
    """Look before anything is touched; raise :class:`Refused` for what must not be lost or cannot work."""
    if not work.kind.touches:
        work.report.row(DATA, "not_applicable", None, "comes along", "nothing is replaced")
        work.report.row(LISTENER, "not_applicable", None, "free, or the service's own", "nothing is replaced")
        return
    _data(work, sure=False)
    _written(work)
    _addresses(work)


def prepared(work: Work) -> None:
    """Look once more with the new release at hand: its image, or its project's file, says more."""
    if not work.kind.touches:
        return
    for text in work.kind.remarks(work.target):
        work.report.warn(text)
    _data(work, sure=True)


def stopped(work: Work) -> None:
    """Raise :class:`StepFailed` when a part of the old release lives on."""
    left = _patiently(work.kind.leftovers)
    if not left:
        return
    message = f"still there after the stop: {', '.join(left)}. End them, or let the service end what it started"
    work.report.row("stop", "fail", left, "nothing of the old release is left", message, source="/proc/*/cgroup")
    if work.params["state"] != BACK:
        raise StepFailed(message)
    work.report.warn(message)


def starting(work: Work) -> None:
    """Raise :class:`StepFailed` when somebody else has an address of the service, now that nothing of it runs."""
    if not work.kind.touches or work.params["state"] == BACK:
        return
    # only what ends by itself is waited for: who cannot be asked at this moment is not
    taken = _taken(work, (listeners.UNKNOWN,)) or _patiently(lambda: _taken(work, (listeners.FOREIGN,)))
    if taken:
        raise StepFailed("; ".join(taken))


def _patiently(ask: Callable[[], List[str]]) -> List[str]:
    give_up = time.monotonic() + ENDS_S
    while True:
        found = ask()
        if not found or time.monotonic() >= give_up:
            return found
        time.sleep(0.1)


# --- data ---------------------------------------------------------------------------------------------


def _data(work: Work, sure: bool) -> None:
    if not work.kind.has_mounts or work.kind.running() is None:
        why = "nothing runs that could have any" if work.kind.has_mounts else "it has no mounts"
        work.report.row(DATA, "not_applicable", None, "comes along", why)
        return
    try:
        lost = work.kind.lost(work.target)
    except StepFailed as error:
        if sure:
            raise
        if work.check:  # later it is looked at once more; the item stays without an answer here
            work.report.warn(f"which data would stay behind is not known: {error}")
        return
    allowed = work.target["service"].get("data_left_behind", "refuse") == "allow" or work.params["state"] == BACK
    message = "; ".join(f"{each.path} would stay behind in {each.what}" for each in lost)
    status = "fail" if lost and not allowed else "pass"
    work.report.row(DATA, status, [each.path for each in lost], "comes along", message, source="mounts of what runs")
    if not lost:
        return
    work.report.warn(message)
    _in_diff(work, {each.path: each.what for each in lost})
    if not allowed:
        raise Refused(message, _remedy(lost))


def _written(work: Work) -> None:
    """Name what was written where the new release will not find it; much of it is scratch, so that is no refusal."""
    try:
        written = work.kind.written() if work.kind.running() is not None else []
    except (StepFailed, OSError) as error:
        work.report.warn(f"what was written outside the mounts is not known: {error}")
        return
    if written:
        work.report.warn(f"written outside its mounts, and not there for {work.target['tag']}: {mounts.shown(written)}")
        _in_diff(work, dict.fromkeys(written[: mounts.SHOWN], "what runs itself"))


def _remedy(lost: List[Lost]) -> str:
    first = lost[0]
    return (
        f"Copy it ({first.place or first.what}) to a folder or named volume that mounts names at {first.path},"
        " or say data_left_behind: allow for this service"
    )


def _in_diff(work: Work, places: Mapping[str, str]) -> None:
    work.report.diff.setdefault("before", {}).setdefault("data", {}).update(places)
    work.report.diff.setdefault("after", {}).setdefault("data", {}).update(dict.fromkeys(places, "left behind"))


# --- addresses ----------------------------------------------------------------------------------------


def _addresses(work: Work) -> None:
    places, taken = _places(work), _taken(work, (listeners.FOREIGN, listeners.UNKNOWN))
    expected = "free, or the service's own"
    if not places:
        work.report.row(LISTENER, "not_applicable", None, expected, "the service names no address of its own")
        return
    shown = ", ".join(place.shown for place in places)
    status = "fail" if taken else "pass"
    work.report.row(LISTENER, status, taken or shown, expected, "; ".join(taken), source="/proc/net/tcp")
    if taken and work.params["state"] != BACK:
        raise Refused("; ".join(taken), WAY_OUT)
    for text in taken:
        work.report.warn(text)


def _places(work: Work) -> List[listeners.Place]:
    service = work.target["service"]
    ports = listeners.published(service.get("ports") or [])
    asked = [place for place in listeners.asked(service["gate"]) if listeners.is_here(place)]
    return list(dict.fromkeys([*ports, *asked]))


def _taken(work: Work, whose: Tuple[str, ...]) -> List[str]:
    """Say of each address of the service that is not its own in one of these ways, who has it."""
    found = [(place, work.owner.look(place)) for place in _places(work)]
    return [
        f"{place.shown} is taken by {seen.who}" if seen.whose == listeners.FOREIGN else f"{place.shown}: {seen.who}"
        for place, seen in found
        if seen.whose in whose
    ]
