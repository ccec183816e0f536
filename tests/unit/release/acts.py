# Copyright (c) 2026 the muster.fleet authors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What a site is asked to do, and what must then be true of it."""

from __future__ import annotations

import json
from typing import Any

from ansible_collections.muster.fleet.tests.unit.release import fake

GOOD = ("deployed", "unchanged", "recovered", "rolled_back", "restarted")
STATES = ("present", "rolled_back", "recovered")


def history(site: fake.Site) -> dict[str, Any]:
    return dict(json.loads((site.state / "history.json").read_text()))


def runs(site: fake.Site) -> str | None:
    """Return the tag that runs, once it is sure that the history and the world say the same."""
    known = history(site)
    assert site.world.running() == ([known["current"]] if known["current"] else [])
    assert not (site.state / "journal.json").exists()
    return next((entry["tag"] for entry in known["releases"] if entry["id"] == known["current"]), None)


def act(site: fake.Site, state: str, tag: str = "good", **more: Any) -> dict[str, Any]:
    if state == "present":
        return site.run(tag, **more)
    return site.run(state=state, service=None, **more)
