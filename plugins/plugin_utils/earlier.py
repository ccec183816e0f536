# Copyright (c) 2026 the muster.fleet authors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Runs before this one, by a small summary beside each ``run.json``: what a comparison needs, and nothing else.

A directory of runs holds nightly runs, single hosts verified again, deploys and slices side by side. What is new is
asked of the runs of the same kind, host by host; how old or big the other runs are costs nothing.
"""

from __future__ import annotations

import itertools
import json
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from ansible.utils.display import Display

from . import run as runs
from .files import BadInput, write
from .report.terms import FINDING
from .rundir import RunDirectory, load, newest_first

display = Display()
FILE = "summary.json"
RUNS_READ = 60  # so many runs back, hosts and their findings are looked for
Summary = dict[str, Any]


def keep(directory: RunDirectory, run: Mapping[str, Any]) -> None:
    """Write the summary of a run that was just written."""
    size = (directory.path / "run.json").stat().st_size
    write(directory.path / FILE, json.dumps({**_summary(run), "bytes": size}, separators=(",", ":")))


def of(directory: RunDirectory) -> Summary | None:
    """Return the summary of a run, made from its document where another release wrote that; nothing without one."""
    path, document = directory.path / FILE, directory.path / "run.json"
    if not document.exists():
        return None
    if path.exists():
        known: Summary = load(path)
        if known.pop("bytes", None) == document.stat().st_size and known.get("schema_version") == runs.SCHEMA_VERSION:
            return known
    found = directory.document() or {}
    strange = runs.strange(directory, found)
    if strange:
        raise BadInput(strange)
    return _summary(found)


def _summary(run: Mapping[str, Any]) -> Summary:
    """Return a run's document without all that does not change a comparison."""
    heads = ("schema_version", "run_id", "kind", "scope", "started", "finished", "verdict", "simulated")
    return {
        **{key: run.get(key) for key in heads},
        "exit_ok": runs.exit_ok(run),
        "hosts": {
            name: {
                "verdict": host["verdict"],
                "simulated": host.get("simulated", False),
                "results": [_said(row) for row in host["results"] if row["status"] in FINDING],
            }
            for name, host in run["hosts"].items()
        },
        "fleet": [
            {**_said(row), "hosts": row.get("hosts") or [], "compare": row.get("compare")}
            for row in run["fleet"]
            if row["status"] in FINDING
        ],
    }


def _said(row: Mapping[str, Any]) -> dict[str, Any]:
    return {key: row.get(key) for key in ("id", "item", "status")}


def runs_before(directory: RunDirectory, slices: Mapping[str, Any] | None) -> Iterator[tuple[RunDirectory, Summary]]:
    """Yield the finished runs before this one, the newest first; those that it was merged from are part of it."""
    own = {entry["path"] for entry in (slices or {}).get("slices", [])} | {str(directory.path)}
    ended = (_read(directory) or {}).get("finished")
    found = []
    for other in itertools.islice(newest_first(str(directory.base)), RUNS_READ):
        summary = None if str(other.path.resolve()) in own or str(other.path) in own else _read(other)
        if summary and (not ended or str(summary["finished"] or "") < ended):
            found.append((other, summary))
    yield from sorted(found, key=lambda entry: str(entry[1]["finished"] or ""), reverse=True)


def _read(directory: RunDirectory) -> Summary | None:
    try:
        return of(directory)
    except BadInput as error:
        display.warning(str(error))
        return None


def before(directory: RunDirectory, run: Mapping[str, Any], records: Iterable[Mapping[str, Any]]) -> list[Summary]:
    """Return the runs to compare with, the newest first: of the same kind and scope, as far back as a host needs.

    ``run`` has ``kind``, ``scope`` and ``merged``. The last one returned is the first that had all the hosts, where
    there is one: what hosts show beside each other is compared with what the same hosts showed together.
    """
    wanted = {str(record["name"]): bool(record.get("simulated")) for record in records}
    found: list[Summary] = []
    for _other, summary in runs_before(directory, run["merged"]):
        if summary["finished"] and (summary["kind"], summary["scope"]) == (run["kind"], run["scope"]):
            had = {name for name, host in summary["hosts"].items() if wanted.get(name) == host["simulated"]}
            found += [summary] if had else []
            if had == wanted.keys():
                break
    return found
