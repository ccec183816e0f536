# Copyright (c) 2026 the muster.fleet authors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What is wrong with a run as a whole, as rows of its ``fleet`` list: every report shows those, with what to do."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, NamedTuple

from ..module_utils.judge.results import FAIL, UNKNOWN

NUMBER = "fleet.expected_hosts"
INPUT = "fleet.input"
JUDGED = "fleet.judged"


class Trouble(NamedTuple):
    """One thing that is wrong with the run: which check, and what is said of it."""

    check: str
    message: str


_CHECKS: dict[str, dict[str, Any]] = {
    NUMBER: {
        "title": "The run has the number of hosts that were expected",
        "what": "number of hosts",
        "why": "A host that a limit or an inventory leaves out was not judged, and nothing else would say so.",
        "fix": "Run with all hosts, or say how many are meant: -e muster_expected_hosts=NUMBER.",
        "source": "muster_expected_hosts",
    },
    INPUT: {
        "title": "Everything that the report was to read could be read",
        "what": "input of the report",
        "why": "What could not be read was not judged by, so the run may look better than it is.",
        "fix": "Correct what the message names, then write the report again: ansible-playbook muster.fleet.report.",
        "source": "the variables of role report",
    },
    JUDGED: {
        "title": "The run judged its hosts",
        "what": "judging",
        "why": "What nobody judged is not ready, whatever it was yesterday.",
        "fix": "Do what is said of its hosts, then start the playbook again, without tags and start points.",
        "source": "this run",
    },
}


def rows(troubles: Iterable[Trouble], at: str) -> list[dict[str, Any]]:
    """Return a row for each trouble: critical, of no host alone."""
    return [
        {
            "id": check,
            "item": None,
            "items": 1,
            "status": FAIL if check == NUMBER else UNKNOWN,
            "severity": "critical",
            "phase": 0,
            "observed": None,
            "expected": None,
            "message": message,
            "source": _CHECKS[check]["source"],
            "threshold_from": None,
            "at": at,
            "reason": None if check == NUMBER else message,
            "hosts": [],
        }
        for check, message in troubles
    ]


def checks(troubles: Iterable[Trouble]) -> dict[str, Any]:
    """Return what reports tell of the checks behind ``rows``."""
    told = {"severity": "critical", "phase": 0, "covers": []}
    return {trouble.check: _CHECKS[trouble.check] | told for trouble in troubles}


def reason(troubles: Iterable[Trouble]) -> str | None:
    """Return why the run as a whole does not pass, or nothing."""
    return "; ".join(trouble.message for trouble in troubles) or None
