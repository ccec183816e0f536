# Copyright (c) 2026 the muster.fleet authors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The cells of the kill matrix for the kinds beside Docker, from the engine's own list: a new phase is two cells more.

What lies before ``prepare`` is the same for each kind; ``MUSTER_EVERY_CELL`` brings it, too.
"""

from __future__ import annotations

import os

from ansible_collections.muster.fleet.plugins.module_utils.release.phases import BACK, NAMES, PHASES

MOMENTS = ("before", "after")
EVERY = [f"{name}-{moment}" for name in NAMES for moment in MOMENTS]
_JOURNALED = EVERY.index(next(f"{phase.name}-after" for phase in PHASES if phase.journaled))
CELLS = EVERY if os.environ.get("MUSTER_EVERY_CELL") else EVERY[EVERY.index("prepare-before") :]
CELLS = [*CELLS, *(f"{BACK}-{moment}" for moment in MOMENTS)]


def kill(cell: str) -> dict[str, str]:
    """Return what the runner is told."""
    phase, _, when = cell.partition("-")
    return {"at": phase, "when": when}


def leads_back(cell: str) -> bool:
    """Whether only a bad release comes into this phase."""
    return cell.startswith(BACK)


def outcome(cell: str) -> str:
    """Return what the recovering run says: there is something to recover once the first journal is written."""
    return "recovered" if leads_back(cell) or EVERY.index(cell) >= _JOURNALED else "unchanged"
