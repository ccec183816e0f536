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

from ..module_utils.judge.catalogue import conditions
from ..module_utils.judge.paths import tokens
from . import catalogue
from .files import write


class Ready(NamedTuple):
    """What the judge needs besides facts."""

    checks: list[dict[str, Any]]
    profile: dict[str, Any]
    waivers: list[dict[str, Any]]
    domains: dict[str, frozenset[str]]  # by check, the fact domains that it reads
    key: str  # the same for hosts that are judged by the same catalogue


def ready(profile: str, check_dirs: list[str], profile_dirs: list[str], waivers: str | None) -> Ready:
    """Return the judge's side of a verification; raise ``BadInput`` when something in it is wrong."""

    def build() -> dict[str, Any]:
        checks = catalogue.checks(Path(place) for place in check_dirs)
        known = [check["id"] for check in checks]
        return {
            "checks": checks,
            "domains": {check["id"]: sorted(_domains(check)) for check in checks},
            "profile": catalogue.profile(profile, [Path(place) for place in profile_dirs]),
            "waivers": catalogue.waivers(Path(waivers), known) if waivers else [],
        }

    key = hashlib.sha256(json.dumps(check_dirs).encode()).hexdigest()[:8]
    found = _once([profile, check_dirs, profile_dirs, waivers], build)
    found["domains"] = {name: frozenset(domains) for name, domains in found["domains"].items()}
    return Ready(**found, key=key)


def _domains(check: dict[str, Any]) -> set[str]:
    """Return the fact domains that a check reads."""
    paths = [check["subject"]] if "subject" in check else [v for v in check.get("with", {}).values() if _is_path(v)]
    paths += [condition["fact"] for condition in conditions(check) if "fact" in condition]
    return {tokens(path)[0] for path in paths}


def _is_path(value: Any) -> bool:
    return isinstance(value, str) and "." in value and not value.startswith("profile.")


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
