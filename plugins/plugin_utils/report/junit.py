# Copyright (c) 2026 the muster.fleet authors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""JUnit XML: a test suite per host, a test case per check, so that any build server shows a rack as test results."""

from __future__ import annotations

from typing import Any, Iterable, Mapping
from xml.etree import ElementTree as ET

from . import findings
from .terms import PHASES, STATUSES
from .text import plain, shown

Run = Mapping[str, Any]

# unknown is an error, not a failure: the check could not be made.
_TAGS = {"fail": "failure", "unknown": "error", "waived": "skipped", "not_applicable": "skipped"}
_COUNTED = {"failure": "failures", "error": "errors", "skipped": "skipped"}


def render(run: Run) -> str:
    """The XML text of all hosts; a host that did not answer is a suite with one error."""
    root = ET.Element("testsuites", name="muster" + (" (SIMULATED)" if run["simulated"] else ""))
    for name, host in run["hosts"].items():
        root.append(_suite(name, host, run))
    if run["fleet"]:
        root.append(_suite("fleet", {"results": run["fleet"], "reached": True}, run))
    if not run["hosts"]:
        suite = ET.SubElement(root, "testsuite", name="muster")
        _case(suite, "muster", "hosts were judged", "error", shown(run["reason"]), "")
        _count(suite)
    for key in ("tests", *_COUNTED.values()):
        root.set(key, str(sum(int(suite.get(key, "0")) for suite in root)))
    ET.indent(root, " ")
    return ET.tostring(root, encoding="unicode", xml_declaration=True) + "\n"


def _suite(name: str, host: Run, run: Run) -> ET.Element:
    suite = ET.Element("testsuite", name=plain(name), hostname=plain(name), time=f"{host.get('took_s') or 0:.3f}")
    if run["started"]:
        suite.set("timestamp", plain(run["started"]).removesuffix("Z"))
    properties = ET.SubElement(suite, "properties")
    for key in ("verdict", "rack", "slot", "class", "profile", "simulated"):
        if host.get(key) is not None:
            ET.SubElement(properties, "property", name=key, value=plain(host[key]))
    if not host["reached"] or not host["results"]:
        _case(suite, name, "host answered", "error", shown(host.get("reason") or "nothing was judged"), "")
    for check, rows in _by_check(host["results"]).items():
        _check(suite, name, check, rows, run["catalogue"])
    for phase, verdict in host.get("phases", {}).items():
        if verdict == "not_reached":
            title = PHASES.get(int(phase), "") if phase.isdecimal() else ""
            _case(suite, name, f"phase {phase} {title}".strip(), "skipped", "phase not reached", "")
    _count(suite)
    return suite


def _by_check(rows: Iterable[Run]) -> dict[str, list[Run]]:
    checks: dict[str, list[Run]] = {}
    for row in rows:
        checks.setdefault(row["id"], []).append(row)
    return checks


def _check(suite: ET.Element, host: str, check: str, rows: list[Run], catalogue: Run) -> None:
    status = min((row["status"] for row in rows), key=STATUSES.index)
    entry = catalogue.get(check, {})
    told = [row for row in rows if row["status"] == status]
    message = plain(findings.sentence(told[0], catalogue), 500)
    if status in ("waived", "not_applicable"):
        message = f"{status.replace('_', ' ')}: {plain(told[0]['reason'] or message, 500)}"
    lines = [plain(findings.sentence(row, catalogue)) for row in rows if row["status"] != "pass"]
    if entry.get("fix"):
        lines.append(f"fix: {plain(entry['fix'])}")
    name = f"{check}: {entry['title']}" if entry.get("title") else check
    _case(suite, f"{host}.{check.partition('.')[0]}", name, _TAGS.get(status), message, "\n".join(lines))


def _case(suite: ET.Element, classname: str, name: str, tag: str | None, message: str, body: str) -> None:
    case = ET.SubElement(suite, "testcase", classname=plain(classname), name=plain(name), time="0")
    if tag:
        outcome = ET.SubElement(case, tag, message=plain(message))
        if tag != "skipped":
            outcome.set("type", "unknown" if tag == "error" else "fail")
            outcome.text = body


def _count(suite: ET.Element) -> None:
    cases = suite.findall("testcase")
    suite.set("tests", str(len(cases)))
    for tag, key in _COUNTED.items():
        suite.set(key, str(sum(case.find(tag) is not None for case in cases)))
