# Copyright (c) 2026 the muster.fleet authors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The catalogue for people to read: what is checked, by which facts and against what, and what that answers."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from . import coverage
from .coverage import facts_read
from .report.terms import PHASES
from .rollout import checklist

Check = Mapping[str, Any]
COLUMNS = ("id", "title", "severity", "facts read", "expected", "from", "covers")
DEPLOY = ("id", "title", "severity", "when", "what", "from", "covers")
INTRO = """# Catalogue

Written by `make docs` from the checks, definitions and checklists of this collection, not by hand.
`ansible-playbook muster.fleet.catalogue` prints the same.

A check passes, fails, or is unknown where facts are missing; it is not applicable where a machine's profile says so.
*covers* names the boxes of the checklists that it helps to answer (`roles/verify/files/seeds`), *from* where its
threshold comes from. A threshold such as `profile.gpu.pcie_width` is read from the machine's profile.
"""


def expectation(check: Check) -> str:
    """Return what is expected as ``operator operand``, or the function that judges."""
    if "using" in check:
        return f"function {check['using']}"
    return " and ".join(f"{operator} {_operand(value)}" for operator, value in check["expect"].items())


def _operand(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def lines(checks: Iterable[Check]) -> list[str]:
    """Return the checks for a console, two lines each."""
    told = []
    for check in checks:
        covers = f"; covers {', '.join(check['covers'])}" if check["covers"] else ""
        told.append(f"{check['id']} ({check['severity']}, phase {check['phase']}) {check['title']}")
        told.append(f"    reads {', '.join(facts_read(check))}; {expectation(check)} (from {check['source']}){covers}")
    return told


def markdown(checks: Iterable[Check], definitions: Iterable[Check], covered: Iterable[coverage.Coverage]) -> str:
    """Return the page: coverage of the checklists, the checks phase by phase, evidence and attestations."""
    checks, definitions = list(checks), list(definitions)
    parts = [INTRO, f"## Coverage\n\n{len(checks)} checks.\n"]
    parts += [_table(("checklist", "answered", *coverage.ANSWERS, "open"), map(_covered, covered))]
    for phase, name in PHASES.items():
        rows = [_check_cells(check) for check in checks if check["phase"] == phase]
        if rows:
            parts += [f"## Phase {phase}: {name}\n", _table(COLUMNS, rows)]
    for kind, column, title in (("evidence", "reads", "Evidence"), ("attestation", "role", "Attestations")):
        head = ("id", "title", "severity", column, "at most days old", "covers")
        parts += [f"## {title}\n", _table(head, (_site_cells(e, column) for e in definitions if e["kind"] == kind))]
    return "\n".join([*parts, "## Checklist of a deploy\n", _table(DEPLOY, map(_deploy_cells, checklist.items()))])


def _covered(covered: coverage.Coverage) -> tuple[Any, ...]:
    counts = [covered.count(kind) for kind in coverage.ANSWERS]
    return covered.seed, f"{sum(counts)} of {len(covered.answers)}", *counts, ", ".join(covered.open()) or "none"


def _check_cells(check: Check) -> tuple[Any, ...]:
    facts = ", ".join(f"`{path}`" for path in facts_read(check))
    covers = ", ".join(check["covers"])
    return (
        f"`{check['id']}`",
        check["title"],
        check["severity"],
        facts,
        f"`{expectation(check)}`",
        check["source"],
        covers,
    )


def _site_cells(entry: Check, column: str) -> tuple[Any, ...]:
    covers = ", ".join(entry["covers"])
    return f"`{entry['id']}`", entry["title"], entry["severity"], entry[column], entry["max_age_days"], covers


def _deploy_cells(item: Check) -> tuple[Any, ...]:
    cells = (item[key] for key in ("title", "severity", "when", "what", "source"))
    return f"`{item['id']}`", *cells, ", ".join(item["covers"])


def _table(head: Iterable[str], rows: Iterable[Iterable[Any]]) -> str:
    head = list(head)
    told = [head, ["---"] * len(head), *rows]
    return "".join(f"| {' | '.join(_cell(value) for value in row)} |\n" for row in told)


def _cell(value: Any) -> str:
    return " ".join(str(value).split()).replace("|", "\\|")
