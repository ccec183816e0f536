# Copyright (c) 2026 the muster.fleet authors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The phases of a release, in order. Only this list knows it; the tests kill a run in every one of them."""

from __future__ import annotations

from typing import NamedTuple


class Phase(NamedTuple):
    """One phase. From the first one that ``stops`` on, the service may be down, and whatever fails leads back."""

    name: str
    does: str
    journaled: bool = True
    stops: bool = False


PHASES = (
    Phase("lease", "take the lease of the service", journaled=False),
    Phase("recover", "finish or undo what an interrupted run left", journaled=False),
    Phase("render", "put configuration together and look for required variables", journaled=False),
    Phase("resolve", "ask which digest the tag stands for, and whether that runs already", journaled=False),
    Phase("guard", "look who holds an accelerator"),
    Phase("space", "answer the checklist, reserve disk space, write configuration beside its place"),
    Phase("way_back", "make sure that what runs now can be started again"),
    Phase("pull", "pull the image by its digest"),
    Phase("prepare", "create the new container beside the running one"),
    Phase("stop", "stop what runs, with grace", stops=True),
    Phase("retain", "put what was stopped aside", stops=True),
    Phase("barrier", "wait until the accelerators are free", stops=True),
    Phase("configure", "put configuration into its place", stops=True),
    Phase("start", "start the new release by the id of its image", stops=True),
    Phase("gate", "wait until it is good", stops=True),
    Phase("watch", "watch that it stays good", stops=True),
    Phase("commit", "enter it into the history as verified", stops=True),
    Phase("prune", "remove what belongs to releases that are not kept", stops=True),
)

BACK = "back"  # in the journal: on the way back
NAMES = tuple(phase.name for phase in PHASES)
COMMITTED = "prune"  # what has come so far is in the history, and is brought to its end
GOOD_FROM = "gate"  # from here on the new release was started: an interrupted run is finished if it is good


def stopped(phase: str) -> bool:
    """Whether the service may have been stopped when a run was interrupted in this phase."""
    return phase == BACK or any(known.stops for known in PHASES if known.name == phase)


def started(phase: str) -> bool:
    """Whether the new release was started when a run was interrupted in this phase."""
    return phase in NAMES and NAMES.index(phase) >= NAMES.index(GOOD_FROM)
