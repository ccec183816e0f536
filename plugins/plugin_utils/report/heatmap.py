# Copyright (c) 2026 the muster.fleet authors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The map of hosts by checks as short SVG paths: a run of equal cells is one stroke, so that big fleets stay small."""

from __future__ import annotations

from collections import Counter
from itertools import groupby
from typing import Any, Mapping

from . import findings
from .terms import STATUSES, phase_title

Run = Mapping[str, Any]

# Units of the drawing. A dashed stroke draws the cells: the template's dash pattern is CELL long.
CELL, DOMAIN_GAP, PHASE_GAP = 10, 4, 16
PHASE_SHARE = 50  # a phase takes at least this part of the checks, so that its number can be read above it
_CODES = {"pass": "p", "fail": "f", "unknown": "u", "waived": "w", "not_applicable": "n", "none": "-"}
# Statuses differ by shape as well as by colour: where a stroke of each lies in a row that is 12 high.
_LINES = {"pass": (6,), "fail": (6,), "unknown": (1.5, 10.5), "waived": (6,), "not_applicable": (6,), "none": (6,)}


def build(run: Run) -> dict[str, Any]:
    """``columns`` (check and its x), ``phases`` (x and width), ``width``, and ``rows`` by host: code, paths, counts."""
    columns, phases, width = _columns(run)
    rows = {}
    for name, host in run["hosts"].items():
        worst = findings.worst_by_check(host["results"])
        cells = [worst.get(column["id"], "none") for column in columns]
        rows[name] = {
            "code": "".join(f"{len(list(equal))}{_CODES[status]}" for status, equal in groupby(cells)),
            "paths": _paths(cells, columns),
            "counts": dict.fromkeys(STATUSES, 0) | Counter(worst.values()),
        }
    return {"columns": columns, "phases": phases, "width": width, "rows": rows}


def _columns(run: Run) -> tuple[list[dict[str, Any]], list[dict[str, Any]], int]:
    """Checks by phase, then by domain (the first word of the id), with gaps between them."""
    checks = {row["id"]: row["phase"] for host in run["hosts"].values() for row in host["results"]}
    order = sorted(checks, key=lambda check: (checks[check], check))
    columns: list[dict[str, Any]] = []
    phases: list[dict[str, Any]] = []
    x, domain, least = 0, "", len(order) // PHASE_SHARE * CELL
    for check in order:
        if not phases or phases[-1]["number"] != checks[check]:
            x = phases[-1]["x"] + phases[-1]["width"] + PHASE_GAP if phases else 0
            phases.append({"number": checks[check], "title": phase_title(checks[check]), "x": x, "width": least})
        elif domain != check.partition(".")[0]:
            x += DOMAIN_GAP
        domain = check.partition(".")[0]
        columns.append({"id": check, "title": run["catalogue"].get(check, {}).get("title") or "", "x": x})
        x += CELL
        phases[-1]["width"] = max(least, x - phases[-1]["x"])
    return columns, phases, phases[-1]["x"] + phases[-1]["width"] if phases else 0


def _paths(cells: list[str], columns: list[dict[str, Any]]) -> list[tuple[str, str]]:
    paths: dict[str, list[str]] = {}
    start = 0
    for end in range(1, len(cells) + 1):
        joined = end < len(cells) and cells[end] == cells[start] and columns[end]["x"] == columns[end - 1]["x"] + CELL
        if not joined:
            x, long = columns[start]["x"], (end - start) * CELL
            paths.setdefault(cells[start], []).extend(f"M{x} {y}h{long}" for y in _LINES[cells[start]])
            start = end
    return [(status, "".join(parts)) for status, parts in paths.items()]
