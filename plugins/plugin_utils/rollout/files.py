# Copyright (c) 2026 the muster.fleet authors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What the plays of one rollout tell each other, in the run's directory: ``rollout/``. No secret is ever in it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any
from urllib.parse import quote

from ..files import BadInput, write
from ..rundir import RunDirectory

KEY = "rollout"


class Papers:
    """The plan of every host, the plan of the fleet, and what was done on every host."""

    def __init__(self, run: RunDirectory):
        self.run = run
        self.path = run.path / KEY

    def describe(self, key: str, items: dict[str, Any]) -> None:
        """Keep what reports tell of the items of the checklist, once for all hosts."""
        path = self.run.path / f"checks-{key}.json"
        if not path.exists():
            write(path, json.dumps(items))

    def keep_plan(self, host: str, plan: dict[str, Any]) -> None:
        """Keep what is planned for a host."""
        write(self._of("plans", host), json.dumps(plan))

    def plan(self, host: str) -> dict[str, Any] | None:
        """Return what is planned for a host, if it came so far."""
        found: dict[str, Any] | None = _load(self._of("plans", host))
        return found

    def keep_fleet(self, fleet: dict[str, Any]) -> None:
        """Keep what is planned for all hosts together."""
        write(self.path / "fleet.json", json.dumps(fleet))

    def fleet(self) -> dict[str, Any]:
        """Return what is planned for all hosts together."""
        found: dict[str, Any] | None = _load(self.path / "fleet.json")
        if found is None:
            raise BadInput(f"{self.path}: nothing was planned in this run: the plan comes first (tasks_from: plan)")
        return found

    def keep_deed(self, host: str, deed: dict[str, Any]) -> None:
        """Keep what was done on a host."""
        write(self._of("deeds", host), json.dumps(deed))

    def deed(self, host: str) -> dict[str, Any] | None:
        """Return what was done on a host, if that is known."""
        found: dict[str, Any] | None = _load(self._of("deeds", host))
        return found

    def forget_deed(self, host: str) -> None:
        """Forget what was done on a host."""
        self._of("deeds", host).unlink(missing_ok=True)

    def _of(self, kind: str, host: str) -> Path:
        return self.path / kind / f"{quote(host, safe='')}.json"


def _load(path: Path) -> Any:
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return None
    except (OSError, ValueError) as error:
        raise BadInput(f"{path}: cannot be read: {error}") from error
