# Copyright (c) 2026 the muster.fleet authors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What the actions of this ``ansible-playbook`` process have done; the last play of a playbook insists on something.

Workers leave a note each in the process's own temporary directory, where the controller finds them. A tag, a limit or a
start point that skips an action leaves no note.
"""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any
from urllib.parse import quote, unquote

from ansible import constants as C

from .files import write

PLAN = "plan"  # of a rollout: {"dir": of runs, "run_id"}
REPORT = "report"  # {"dir": of runs, "run_id", "refused": {host: reason}}


def note(what: str, **more: Any) -> None:
    """Note that something was done: ``report``, ``golive``, ``record:HOST``; ``more`` is what others want to know."""
    write(_folder() / quote(what, safe=""), json.dumps(more))


def notes() -> list[str]:
    """Return what was done since ``forget``."""
    return sorted(unquote(path.name) for path in _folder().glob("[!.]*"))


def noted(what: str) -> dict[str, Any] | None:
    """Return what was said of something that was done, or nothing when it was not."""
    path = _folder() / quote(what, safe="")
    if not path.exists():
        return None
    known: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return known


def forget() -> None:
    """Forget what an earlier playbook of this process did."""
    shutil.rmtree(_folder(), ignore_errors=True)


def _folder() -> Path:
    return Path(C.DEFAULT_LOCAL_TMP) / "muster-done"
