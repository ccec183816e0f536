# Copyright (c) 2026 the muster.fleet authors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""From what each host answered to the document of a run: one verdict, every expected host counted.

The records come from the judge, one per host; nothing is judged again here. A host that was expected and did not
answer is unknown, and a claim that its own results contradict is not believed.
"""

from __future__ import annotations

from typing import Any, Iterable, Mapping, Sequence

from ..module_utils.judge import results as judge
from .report import compare, scores, terms
from .report.console import closing_lines, summary
from .report.text import clean, natural
from .rundir import RunDirectory
from .unjudged import advice

__all__ = ["assemble", "closing_lines", "exit_ok", "summary"]

SCHEMA_VERSION = 1
NO_RESULT = "no result arrived"
NO_HOST = "no host matched"
NOTHING_JUDGED = "nothing was judged"

_HOST: dict[str, Any] = {
    "verdict": "unknown", "rack": None, "slot": None, "class": None, "profile": None, "reached": False, "reason": None,
    "simulated": False, "planted": None, "phases": {}, "took_s": None, "results": [], "facts_summary": {}, "errors": [],
    "replayed": False, "check_mode": False, "fix": None,
}  # fmt: skip
_ROW: dict[str, Any] = {
    "id": "", "item": None, "items": 1, "status": "unknown", "severity": "critical", "phase": 0, "observed": None,
    "expected": None, "message": "", "source": None, "threshold_from": None, "at": None, "reason": None,
}  # fmt: skip


def assemble(
    records: Iterable[Mapping[str, Any]],
    expected: Iterable[str],
    meta: Mapping[str, Any],
    earlier: Mapping[str, Any] | Sequence[Mapping[str, Any]] | None = None,
) -> dict[str, Any]:
    """The run document of ``docs/run.schema.json``.

    ``records``: a host's entry each, with ``name`` and the ``catalogue`` entries it used; the last of a name counts.
    ``expected``: every host that the run was started for. ``meta``: ``run_id``, ``started``, ``finished``,
    ``collection_version``, and if known ``report`` (path), ``fleet`` (result rows, each with ``hosts``),
    ``fleet_checks`` (what reports tell of the checks behind those rows), ``inventory`` (rack, slot, class... of hosts
    that may not answer), ``words`` (what the failed task of a host said), ``catalogue`` (all checks, for their phases),
    ``site`` (what evidence was asked for), ``merged`` (the slices that the run consists of), ``kind`` and ``scope``
    (what ran, and what of it was asked) and ``reason`` (why the run as a whole does not pass).
    ``earlier``: the document of an earlier run to compare with, or several, the newest first.
    """
    answers: list[dict[str, Any]] = []
    catalogue: dict[str, Any] = {}
    for record in records:
        catalogue.update(record.get("catalogue") or {})
        answers.append(clean({key: value for key, value in record.items() if key != "catalogue"}))
    catalogue, names = clean(catalogue | (meta.get("fleet_checks") or {})), [str(name) for name in expected]
    hosts = _hosts(answers, names, clean(dict(meta.get("inventory") or {})), clean(dict(meta.get("words") or {})))
    fleet = [{"hosts": []} | _row(row) for row in clean(list(meta.get("fleet") or []))]
    run: dict[str, Any] = {"schema_version": SCHEMA_VERSION} | {
        key: clean(meta.get(key))
        for key in ("run_id", "kind", "scope", "started", "finished", "collection_version", "report")
    }
    # Where hosts cannot be compared (too few of a class) nothing is wrong.
    counted = [row for row in fleet if row["status"] != judge.NOT_APPLICABLE and row["severity"] != "info"]
    verdicts = [host["verdict"] for host in hosts.values()] + ([judge.verdict(counted)] if counted else [])
    run |= {
        "simulated": any(host["simulated"] for host in hosts.values()),
        "check_mode": any(host["check_mode"] for host in hosts.values()),
        "verdict": judge.overall(verdicts) if hosts else "unknown",
        "reason": clean(meta.get("reason")) or (None if hosts else NO_HOST),
        "counts": _counts(hosts.values()),
        "expected_hosts": sorted(set(names), key=natural),
        "catalogue": dict(sorted(catalogue.items())),
        "hosts": hosts,
        "fleet": fleet,
        "scores": scores.by_phase(hosts),
        "racks": _racks(hosts),
        "site": clean(meta.get("site")),
        "merged": clean(meta.get("merged")),
    }
    phase_of = {key: entry.get("phase") for key, entry in {**(meta.get("catalogue") or {}), **catalogue}.items()}
    run["changes"] = compare.changes(run, earlier)
    run["planted"] = compare.planted(run, phase_of)
    return run


def strange(directory: RunDirectory, document: Mapping[str, Any]) -> str | None:
    """Return why the document of an earlier run cannot be compared with: another release wrote it."""
    version = document.get("schema_version")
    if version == SCHEMA_VERSION:
        return None
    return (
        f"{directory.path}/run.json: has schema version {version}, this release compares with version {SCHEMA_VERSION}"
    )


def exit_ok(run: Mapping[str, Any]) -> bool:
    """Whether the run may end green.

    A run in which every host is simulated and says what was planted in it is a test of the checks: it is right when
    they found exactly that, whatever the verdicts. Any other run is right when all of it is ready or degraded. A run
    without one of its slices is not right, nor one that gives a reason why it does not pass as a whole.
    """
    hosts = run["hosts"].values()
    if run.get("reason"):
        return False
    if any(not entry["arrived"] for entry in (run.get("merged") or {}).get("slices", [])):
        return False
    if hosts and all(host["simulated"] and host["planted"] is not None for host in hosts):
        return bool(run["planted"]["equal"])
    return run["verdict"] in terms.PASSED_MUSTER


def _hosts(
    records: list[dict[str, Any]], expected: list[str], known: dict[str, Any], words: Mapping[str, str]
) -> dict[str, Any]:
    answered = {record["name"]: _host(record, known.get(record["name"]) or {}) for record in records}
    silent = {
        name: _HOST
        | _given(known.get(name))
        | {"verdict": "unknown", "reached": False, "reason": words.get(name) or NO_RESULT}
        for name in expected
        if name not in answered
    }
    hosts = answered | silent
    for host in hosts.values():
        host["fix"] = None if host["reached"] else advice(host["reason"])
    return dict(sorted(hosts.items(), key=lambda entry: _place(*entry)))


def _place(name: str, host: Mapping[str, Any]) -> tuple[bool, Any, bool, Any, Any]:
    """Sort key: by rack and slot as one walks the room, hosts without a place last."""
    rack, slot = host["rack"], host["slot"]
    return rack is None, natural(rack), slot is None, natural(slot), natural(name)


def _host(record: Mapping[str, Any], known: Mapping[str, Any]) -> dict[str, Any]:
    host = _HOST | _given(known) | _given(record)
    host["results"] = [_row(row) for row in host["results"]]
    if not (host["reached"] and host["results"]):
        host["reason"] = host["reason"] or NOTHING_JUDGED
    seen = judge.verdict(host["results"]) if host["reached"] else "unknown"
    claimed = host["verdict"] if host["verdict"] in terms.VERDICTS else "unknown"
    return host | {"verdict": judge.overall([claimed, seen])}


def _given(entry: Mapping[str, Any] | None) -> dict[str, Any]:
    return {key: entry[key] for key in _HOST if entry.get(key) is not None} if entry else {}


def _row(row: dict[str, Any]) -> dict[str, Any]:
    """A result row with every key; a status or severity that nobody knows is taken for the worst it may mean."""
    row = _ROW | row
    if row["status"] not in terms.STATUSES:
        row["status"] = "unknown"
    if row["severity"] not in terms.SEVERITIES:
        row["severity"] = "critical"
    return row


def _counts(hosts: Iterable[Mapping[str, Any]]) -> dict[str, int]:
    verdicts = [host["verdict"] for host in hosts]
    return {verdict: verdicts.count(verdict) for verdict in terms.COUNTED}


def _racks(hosts: Mapping[str, Mapping[str, Any]]) -> dict[str, Any]:
    racks: dict[str, list[Mapping[str, Any]]] = {}
    for host in hosts.values():
        if host["rack"] is not None:
            racks.setdefault(str(host["rack"]), []).append(host)
    return {
        name: {"verdict": judge.overall([host["verdict"] for host in members]), "counts": _counts(members)}
        for name, members in sorted(racks.items(), key=lambda entry: natural(entry[0]))
    }
