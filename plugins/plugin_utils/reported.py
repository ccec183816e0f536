# Copyright (c) 2026 the muster.fleet authors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""A run's reports: records of hosts in, files and one document out. Asks no machine.

Written by the action ``report`` as a rule, and by the last play of a playbook where that could not run: then from what
was kept, over the hosts that were expected, with the reason. A new run is reported as begun before a host is asked, so
that ``latest`` never shows an older one.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import yaml
from ansible.utils.display import Display

from . import done, earlier, progress, refusals, rundir, site_rows, slices, troubles, unjudged
from . import run as runs
from .attestations import beside_inventory
from .attested_rows import Papers
from .compared import compared
from .files import SHARED, BadInput, write
from .report import write_all
from .rollout import fleet

display = Display()
ROOT = Path(__file__).parents[2]
UNASKED: dict[str, Any] = {"fleet": [], "fleet_checks": {}, "site": None}
UNCOMPARED: dict[str, Any] = {"fleet": [], "fleet_checks": {}}


class Told(NamedTuple):
    """A run that was reported."""

    run: dict[str, Any]
    refused: dict[str, str]


def report(
    directory: rundir.RunDirectory,
    options: Mapping[str, Any],
    variables: Mapping[str, Any],
    known: Iterable[troubles.Trouble] = (),
) -> Told:
    """Write every report of a run and say in the console how it ended; ``options`` are those of the action.

    ``known``: what is wrong with the run as a whole.

    A file that the report reads and that cannot be used costs what hangs on it, never the report: the run does not
    pass then, and says why.
    """
    rundir.sweep(str(directory.base))
    found = list(known)

    def part(make: Callable[[], dict[str, Any]], without: dict[str, Any]) -> dict[str, Any]:
        try:
            return make()
        except BadInput as error:
            display.warning(str(error))
            found.append(troubles.Trouble(troubles.INPUT, str(error)))
            return without

    records, expected = directory.records(), directory.expected()
    merged, at, begun = slices.of(directory), rundir.now(), directory.begun()
    beside = part(lambda: compared(directory, records, options, merged), UNCOMPARED)
    site = UNASKED if _deploys(records) else part(lambda: _site(options, variables, at), UNASKED)
    hosts = {str(record["name"]) for record in records} | set(expected)
    found += _of_number(len(hosts), options)
    if not records and hosts and not found:
        found.append(troubles.Trouble(troubles.JUDGED, "Nothing was judged: no host gave a result."))
    meta = _head(directory, begun, merged, at) | {
        **site,
        "catalogue": {name: entry for record in records for name, entry in record["catalogue"].items()},
        **_silent(set(expected) - {str(record["name"]) for record in records}, variables, options.get("silent")),
        "fleet": slices.rows(merged)
        + troubles.rows(found, at)
        + beside["fleet"]
        + site["fleet"]
        + fleet.beside(records, at),
        "fleet_checks": slices.checks(merged) | troubles.checks(found) | beside["fleet_checks"] | site["fleet_checks"],
        "merged": merged,
        "reason": troubles.reason(found),
    }
    before = earlier.before(directory, meta, records)
    return _written(directory, runs.assemble(records, expected, meta, before), options)


def begin(directory: rundir.RunDirectory, hosts: list[str]) -> None:
    """Report a run as begun: every host unknown, and ``latest`` here, whatever becomes of the run."""
    begun = directory.begun()
    said = f"This run ({begun['kind']}) began at {begun['started']} and has not ended."
    trouble = [troubles.Trouble(troubles.JUDGED, said)]
    meta = _head(directory, begun, None, None) | {
        "fleet": troubles.rows(trouble, rundir.now()),
        "fleet_checks": troubles.checks(trouble),
        "reason": said,
        "words": dict.fromkeys(hosts, "not judged yet"),
    }
    write_all(runs.assemble([], hosts, meta), directory.path)
    directory.point_latest()


def _written(directory: rundir.RunDirectory, run: dict[str, Any], options: Mapping[str, Any]) -> Told:
    lenient = options.get("slice") or not options.get("fail", True)
    refused = {} if lenient else refusals.refused(run, int(options.get("expected_hosts") or 0))
    lines = runs.closing_lines(run)
    write(directory.path / "closing.txt", "\n".join(lines) + "\n", SHARED)
    write_all(run, directory.path)  # of it run.json last: a run that has one has all of its report
    earlier.keep(directory, run)
    progress.forget(directory)
    directory.point_latest()
    done.note(done.REPORT, dir=str(directory.base), run_id=directory.run_id, refused=refused)
    display.display("\n" + "\n".join(lines) + "\n")
    return Told(run, refused)


def _of_number(found: int, options: Mapping[str, Any]) -> list[troubles.Trouble]:
    expected = 0 if options.get("slice") else int(options.get("expected_hosts") or 0)
    if not expected or expected == found:
        return []
    return [troubles.Trouble(troubles.NUMBER, refusals.number_of_hosts(found, expected))]


def _head(
    directory: rundir.RunDirectory, begun: Mapping[str, Any], merged: dict[str, Any] | None, at: str | None
) -> dict[str, Any]:
    """Return when the run was, and what ran: a report that is written again does not make the run younger."""
    known = directory.document() or {}
    return {
        "run_id": directory.run_id,
        "kind": begun.get("kind"),
        "scope": begun.get("scope"),
        "started": slices.started(merged) or known.get("started") or begun.get("started") or at,
        "finished": known.get("finished") or at,
        "collection_version": version(),
        "report": str(directory.path / "index.html"),
    }


def _site(options: Mapping[str, Any], variables: Mapping[str, Any], at: str) -> dict[str, Any]:
    """Return what the site shows and attests, judged."""
    papers = Papers(
        beside_inventory(options.get("attestations"), "attestations", variables),
        beside_inventory(options.get("signers"), "allowed_signers", variables),
        named=bool(options.get("attestations")),
        site=options.get("site"),
    )
    return site_rows.judged(options.get("site_dir"), at, papers)


def _deploys(records: list[dict[str, Any]]) -> bool:
    """Say whether a run deployed a service instead of verifying machines: then the site has nothing to show."""
    return bool(records) and not any(record.get("compared", True) for record in records)


def _silent(silent: set[str], variables: Mapping[str, Any], otherwise: str | None) -> dict[str, Any]:
    """Return where the hosts without a record stand, as the inventory knows it, and what their failed task said.

    ``otherwise`` is said of those that no task was asked about.
    """
    hostvars = variables.get("hostvars") or {}
    known = {name for name in silent if name in hostvars}
    places = {}
    for name in known:
        try:
            found = hostvars[name]
            given = {key: found.get(f"muster_{key}") for key in ("rack", "slot", "class")}
        except Exception:  # a variable that cannot be read is told of in the host's reason
            continue
        places[name] = {key: value for key, value in given.items() if value is not None}
    words = dict.fromkeys(silent, otherwise) if otherwise else {}
    return {"inventory": places, "words": words | unjudged.words(sorted(known), hostvars)}


def version() -> str:
    """Return the version of this collection, from the manifest of an artefact or the galaxy.yml of a checkout."""
    manifest, source = ROOT / "MANIFEST.json", ROOT / "galaxy.yml"
    for path, key in ((manifest, "collection_info"), (source, None)):
        if path.is_file():
            found = yaml.safe_load(path.read_text(encoding="utf-8"))
            return str((found[key] if key else found)["version"])
    return "unknown"
