# Copyright (c) 2026 the muster.fleet authors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Catalogue, profile and waivers made ready: for the first fork of a run, and for all while nothing in them changes."""

from __future__ import annotations

import fcntl
import hashlib
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple, Optional

from ansible import constants as C

from ..module_utils.collect.node import wanted
from ..module_utils.judge.catalogue import conditions
from ..module_utils.judge.paths import tokens
from ..module_utils.judge.settled import settled
from . import bundle, catalogue, profile_files, profiles
from .files import CHECKS, BadInput, write, yaml_files
from .kept import kept
from .schema import DECLARED
from .schema import facts as fact_schema
from .schema import profile as profile_schema

RULED_OUT = ("id", "what", "phase", "severity")
SCHEMA = [*Path(fact_schema.__file__).parent.glob("*.py"), *sorted(DECLARED.glob("*.yml"))]
JUDGED = (*RULED_OUT, "source", "subject", "expect", "using", "with", "where", "applies", "unit")
Asked = tuple[str, list[str], list[str], Optional[str], Optional[str]]
TOLD = ("title", "what", "severity", "phase", "source", "why", "fix", "covers")


class Ready(NamedTuple):
    """What the judge needs besides facts.

    ``checks`` say by ``domains`` which facts they read; one that the profile rules out holds its row as ``settled``.
    ``wanted`` is what the collectors are asked to look at. ``key`` is the same for hosts that are judged by the same
    catalogue, and ``told`` a file of what reports tell of its checks, by id.
    """

    checks: list[dict[str, Any]]
    profile: dict[str, Any]
    waivers: list[dict[str, Any]]
    wanted: dict[str, Any]
    key: str
    told: Path


def ready(
    profile: str, check_dirs: list[str], profile_dirs: list[str], waivers: str | None, baseline: str | None = None
) -> Ready:
    """Return the judge's side of a verification; raise ``BadInput`` when something in it is wrong."""
    asked: Asked = (profile, check_dirs, profile_dirs, waivers, baseline)
    name = hashlib.sha256(json.dumps(asked).encode()).hexdigest()[:16]
    path = Path(C.DEFAULT_LOCAL_TMP) / f"muster-{name}.json"
    told = path.with_suffix(".told")
    if not path.exists():
        with open(path.with_suffix(".lock"), "w", encoding="utf-8") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            if not path.exists():
                made = kept(f"judge-{name}", _made_from(asked), lambda: _made(asked))
                told_text, judged_text = made.decode().split("\n")
                write(told, told_text)
                write(path, judged_text)
    key = hashlib.sha256(json.dumps(check_dirs).encode()).hexdigest()[:8]
    return Ready(**json.loads(path.read_text(encoding="utf-8")), key=key, told=told)


def _made(asked: Asked) -> bytes:
    """Return two lines of JSON: what reports tell of the checks, and what the judge needs."""
    profile, check_dirs, profile_dirs, waivers, baseline = asked
    checks = catalogue.checks(Path(place) for place in check_dirs)
    places = [Path(place) for place in profile_dirs]
    judged_by = catalogue.profile(profile, places, baseline)
    if not any(layer.kind == profile_files.HARDWARE for layer in profiles.layers(profile, places, baseline)):
        raise BadInput(f"profile {profile}: extends is missing: name the hardware that it builds on, or generic")
    profile_schema.refuse_unread(judged_by["values"], _read(checks))
    needed = {
        "checks": [_judged(check, judged_by) for check in checks],
        "profile": judged_by,
        "waivers": catalogue.waivers(Path(waivers), [check["id"] for check in checks]) if waivers else [],
        "wanted": wanted(judged_by["values"]),
    }
    told = {check["id"]: {key: check[key] for key in TOLD} for check in checks}
    return f"{json.dumps(told)}\n{json.dumps(needed)}".encode()


def _read(checks: list[dict[str, Any]]) -> Iterator[str]:
    """Yield the paths of the profile keys that the checks read."""
    return (key for check in checks for key in fact_schema.profile_keys(check))


def _judged(check: dict[str, Any], profile: dict[str, Any]) -> dict[str, Any]:
    """Return what the judge needs of a check."""
    row = settled(check, profile)
    said = {key: check[key] for key in (RULED_OUT if row else JUDGED) if key in check}
    return {**said, "domains": sorted(_domains(check)), **({"settled": row} if row else {})}


def _made_from(asked: Asked) -> str:
    """Return everything that decides what is made: what people wrote, and the code that reads it."""
    unused, check_dirs, profile_dirs, waivers, unused_baseline = asked
    files = [path for place in [CHECKS, *map(Path, check_dirs)] for path in yaml_files(place)]
    files += [*profiles.every_file(map(Path, profile_dirs)), *([Path(waivers)] if waivers else [])]
    modules = (catalogue.__file__, profiles.__file__, profile_files.__file__)
    code = (Path(__file__), *map(Path, modules), *fact_schema.MODULES, *SCHEMA)
    return "".join([*map(_text, (*code, *files)), *bundle.sources().values()])


def _text(path: Path) -> str:
    try:
        return f"{path}\n{path.read_text(encoding='utf-8', errors='replace')}"
    except OSError:
        return ""  # whoever reads it for its sense says what is wrong


def _domains(check: dict[str, Any]) -> set[str]:
    """Return the fact domains that a check reads."""
    paths = [check["subject"]] if "subject" in check else [v for v in check.get("with", {}).values() if _is_path(v)]
    paths += [condition["fact"] for condition in conditions(check) if "fact" in condition]
    return {tokens(path)[0] for path in paths}


def _is_path(value: Any) -> bool:
    return isinstance(value, str) and "." in value and not value.startswith("profile.")
