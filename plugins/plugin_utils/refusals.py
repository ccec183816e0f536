# Copyright (c) 2026 the muster.fleet authors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Which hosts a run fails, and why: each for its own findings, for what it shows beside others, or all for the run."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ..module_utils.judge.results import GRAVE
from . import run as runs
from . import slices
from .report import findings
from .report.terms import PASSED_MUSTER
from .report.text import plain

SITE = "site"  # stands beside the hosts in what a run fails
SHOWN = 300


def refused(run: Mapping[str, Any], expected: int) -> dict[str, str]:
    """Return why each host is to be failed that is; ``site`` stands for a reason that is no host's."""
    if expected and expected != len(run["hosts"]):
        said = number_of_hosts(len(run["hosts"]), expected)
        return dict.fromkeys(run["hosts"], said) or {SITE: said}
    if runs.exit_ok(run):
        return {}
    whole = {SITE: plain(run["reason"], SHOWN)} if run["reason"] else {}
    if run["hosts"] and all(host["simulated"] and host["planted"] is not None for host in run["hosts"].values()):
        return whole | _unequal(run["planted"]) | _of_slices(run)
    found = {name: _why(name, host) for name, host in run["hosts"].items() if host["verdict"] not in PASSED_MUSTER}
    found = _beside_others(run) | found | _without_hosts(run)
    return found or whole or {SITE: f"The run is {run['verdict'].replace('_', ' ')}, though no host alone is."}


def number_of_hosts(found: int, expected: int) -> str:
    """Return what is said of a run that has another number of hosts than was expected."""
    return f"The run has {found} hosts, muster_expected_hosts says {expected}."


def _beside_others(run: Mapping[str, Any]) -> dict[str, str]:
    """Return why hosts are to be failed for what they show beside the others, ready or not by themselves."""
    said: dict[str, str] = {}
    for row in findings.of_rows(run["fleet"]):
        if row["severity"] in GRAVE:
            for name in row["hosts"]:
                said.setdefault(name, f"{name} beside the others: {plain(row['message'], SHOWN)}")
    return said


def _without_hosts(run: Mapping[str, Any]) -> dict[str, str]:
    """Return why the site as a whole fails: findings that are no host's keep a run from ending green."""
    rows = [row for row in findings.of_rows(run["fleet"]) if not row["hosts"] and row["severity"] in GRAVE]
    more = f" (and {len(rows) - 1} more)" if len(rows) > 1 else ""
    return {SITE: f"{SITE}: {plain(rows[0]['message'], SHOWN)}{more}"} if rows else {}


def _of_slices(run: Mapping[str, Any]) -> dict[str, str]:
    """Return that slices are missing: in a simulated run, too, something else than what was planted is wrong then."""
    return _without_hosts({"fleet": [row for row in run["fleet"] if row["id"] == slices.CHECK]})


def _unequal(planted: Mapping[str, Any]) -> dict[str, str]:
    said: dict[str, list[str]] = {}
    for kind in ("missed", "extra"):
        for entry in planted[kind]:
            said.setdefault(entry["host"], []).append(f"{kind} {entry['id']} ({entry['status']})")
    return {
        host: f"{host}: findings differ from what was planted: {', '.join(what[:6])}" for host, what in said.items()
    }


def _why(name: str, host: Mapping[str, Any]) -> str:
    grave = [row["message"] for row in findings.of_rows(host["results"])]
    first = host["reason"] or (grave[0] if grave else "nothing was judged")
    more = f" (and {len(grave) - 1} more)" if len(grave) > 1 else ""
    return f"{name} is {host['verdict'].replace('_', ' ')}: {plain(first, SHOWN)}{more}"
