# Copyright (c) 2026 the muster.fleet authors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Catalogue, profile and waivers made ready once per run: forks that come later read the result of the first."""

from __future__ import annotations

import fcntl
import hashlib
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

from ansible import constants as C

from . import catalogue
from .files import write


class Ready(NamedTuple):
    """What the judge needs besides facts."""

    checks: list[dict[str, Any]]
    profile: dict[str, Any]
    waivers: list[dict[str, Any]]
    key: str  # the same for hosts that are judged by the same catalogue


def ready(profile: str, check_dirs: list[str], profile_dirs: list[str], waivers: str | None) -> Ready:
    """Return the judge's side of a verification; raise ``BadInput`` when something in it is wrong."""

    def build() -> dict[str, Any]:
        checks = catalogue.checks(Path(place) for place in check_dirs)
        known = [check["id"] for check in checks]
        return {
            "checks": checks,
            "profile": catalogue.profile(profile, [Path(place) for place in profile_dirs]),
            "waivers": catalogue.waivers(Path(waivers), known) if waivers else [],
        }

    key = hashlib.sha256(json.dumps(check_dirs).encode()).hexdigest()[:8]
    return Ready(**_once([profile, check_dirs, profile_dirs, waivers], build), key=key)


def _once(key: Any, build: Callable[[], dict[str, Any]]) -> dict[str, Any]:
    name = hashlib.sha256(json.dumps(key).encode()).hexdigest()[:16]
    path = Path(C.DEFAULT_LOCAL_TMP) / f"muster-{name}.json"
    if not path.exists():
        with open(path.with_suffix(".lock"), "w", encoding="utf-8") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            if not path.exists():
                write(path, json.dumps(build()))
    found: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return found
