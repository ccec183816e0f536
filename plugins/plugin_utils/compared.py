# Copyright (c) 2026 the muster.fleet authors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""A run's hosts beside each other: reads the facts that the run kept, and those of the last accepted run."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from ..module_utils.judge import waivers as waiving
from ..module_utils.judge.paths import tokens
from ..module_utils.judge.results import WAIVED
from . import catalogue, earlier, fleet, rundir
from .files import BadInput
from .fleet import fabric
from .fleet.cables import plan
from .fleet.samples import Value, values

RUNS_TRIED = 10  # so many accepted runs back, a host's last accepted state is looked for
Checks = list[dict[str, Any]]
Accepted = dict[str, tuple[str, dict[str, tuple[Value, ...]]]]


def compared(
    directory: rundir.RunDirectory,
    records: Iterable[Mapping[str, Any]],
    options: Mapping[str, Any],
    merged: Mapping[str, Any] | None = None,
) -> Any:
    """Return ``{"fleet", "fleet_checks"}`` for ``run.assemble``.

    ``options``: ``cable_plan`` and ``fabric`` (files, or None), ``accepted_run`` (an id, or None: the newest that
    ended well), ``fleet_dirs``, ``waivers`` (a file, or None). ``merged``: the slices that the run consists of. One
    host's facts are in memory at a time.
    """
    checks = fleet.checks([fleet.FLEET, *(Path(place) for place in options.get("fleet_dirs") or [])])
    by_name = {str(record["name"]): record for record in records if record.get("compared", True)}
    if not by_name:
        return {"fleet": [], "fleet_checks": {}}
    domains: set[str] = set()
    members = []
    for name, record in by_name.items():
        facts = directory.facts(name) if record.get("reached") else None
        if facts is not None:
            domains |= facts.keys()
            members.append(fleet.member(record, facts, checks))
    checks = [check for check in checks if not domains or _domain(check) in (None, *domains)]
    cables = plan(Path(options["cable_plan"]).expanduser()) if options.get("cable_plan") else None
    seen = fabric.read(Path(options["fabric"]).expanduser()) if options.get("fabric") else fabric.Fabric()
    ground = fleet.Ground(by_name, rundir.now(), cables, _accepted(directory, by_name, checks, options, merged), seen)
    known = [check["id"] for check in checks]
    waived = catalogue.waivers(Path(options["waivers"]), known, True) if options.get("waivers") else []
    rows = [_waived(row, waived, ground.at[:10]) for row in fleet.judge(checks, members, ground)]
    return {"fleet": rows, "fleet_checks": fleet.entries(checks)}


def _domain(check: Mapping[str, Any]) -> str | None:
    """Return the domain of facts that a check compares; what a run did not ask for, it does not compare."""
    return tokens(check["subject"])[0] if check["subject"] else None


def _waived(row: dict[str, Any], waivers: list[dict[str, Any]], today: str) -> dict[str, Any]:
    """Return a row waived when that is so for every host it names."""
    applied = [waiving.apply([row], waivers, host, today)[0] for host in row["hosts"] or ["*"]]
    return next((found for found in applied if found["status"] != WAIVED), applied[0])


def _accepted(
    directory: rundir.RunDirectory,
    records: Mapping[str, Mapping[str, Any]],
    checks: Checks,
    options: Mapping[str, Any],
    merged: Mapping[str, Any] | None,
) -> Accepted:
    """Return for each host the values of its last accepted run, if it has one."""
    asked = [check for check in checks if check["compare"] == "drift"]
    needed = {domain for check in asked if (domain := _domain(check))}
    found: Accepted = {}
    for run, summary in _candidates(directory, options, merged):
        for name in records.keys() - found.keys():
            before = summary["hosts"].get(name)
            alike = before and before.get("simulated", False) == records[name].get("simulated", False)
            facts = run.facts(name) if alike else None
            if facts is not None and needed <= facts.keys():  # a run that asked less says nothing of the rest
                found[name] = run.run_id, {check["id"]: values(check, facts) for check in asked}
        if len(found) == len(records):
            break
    return found


def _candidates(
    directory: rundir.RunDirectory, options: Mapping[str, Any], merged: Mapping[str, Any] | None
) -> Iterator[tuple[rundir.RunDirectory, dict[str, Any]]]:
    """Yield the accepted runs before this one, with their summaries."""
    if options.get("accepted_run"):
        run = rundir.RunDirectory(str(directory.base), options["accepted_run"])
        summary = earlier.of(run)
        if summary is None:
            raise BadInput(f"{run.path}: there is no such run to compare with (report_accepted_run)")
        yield run, summary
        return
    ended_well = ((run, found) for run, found in earlier.runs_before(directory, merged) if found["exit_ok"])
    yield from itertools.islice(ended_well, RUNS_TRIED)
