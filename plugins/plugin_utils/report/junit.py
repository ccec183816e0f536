# Copyright (c) 2026 the muster.fleet authors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""JUnit XML: a test suite per host, a test case per check, so that any build server shows a rack as test results.

Written as text, a line for each case: a big fleet has so many that a tree of them costs more than all other reports.
"""

from __future__ import annotations

import functools
from collections import Counter
from typing import Any, Iterable, Iterator, Mapping

from markupsafe import escape

from . import findings
from .terms import PHASES
from .text import plain, shown

Run = Mapping[str, Any]
Case = tuple[str | None, str]  # the tag of its outcome (None: passed) and its XML

_TAGS = {"fail": "failure", "unknown": "error", "waived": "skipped", "not_applicable": "skipped"}
_COUNTED = {"failure": "failures", "error": "errors", "skipped": "skipped"}
_TYPES = {"failure": "fail", "error": "unknown"}


def render(run: Run) -> str:
    """The XML text of all hosts; a host that did not answer is a suite with one error."""
    suites = [_suite(name, host, run) for name, host in run["hosts"].items()]
    if run["fleet"]:
        suites.append(_suite("fleet", {"results": run["fleet"], "reached": True}, run))
    if run["reason"]:
        cases = [_case("muster", "hosts were judged", "error", shown(run["reason"]))]
        suites.append(_element("testsuite", {"name": "muster"}, _counts(cases), (case for unused, case in cases)))
    total = sum((counts for counts, unused in suites), Counter())
    name = "muster" + (" (SIMULATED)" if run["simulated"] else "") + (" (DRY RUN)" if run.get("check_mode") else "")
    unused, text = _element("testsuites", {"name": name}, total, (suite for unused, suite in suites))
    return f"<?xml version='1.0' encoding='utf-8'?>\n{text}\n"


def _suite(name: str, host: Run, run: Run) -> tuple[Counter[str], str]:
    head = {"name": name, "hostname": name, "time": f"{host.get('took_s') or 0:.3f}"}
    if run["started"]:
        head["timestamp"] = plain(run["started"]).removesuffix("Z")
    told = ("verdict", "rack", "slot", "class", "profile", "simulated", "check_mode")
    properties = [
        f'<property name="{key}" value={_quoted(plain(host[key]))}/>' for key in told if host.get(key) is not None
    ]
    cases = list(_cases(name, host, run["catalogue"]))
    inside = (["<properties>", *properties, "</properties>"] if properties else ["<properties/>"]) + [
        case for unused, case in cases
    ]
    return _element("testsuite", head, _counts(cases), inside)


def _cases(name: str, host: Run, catalogue: Run) -> Iterator[Case]:
    if not host["reached"] or not host["results"]:
        told = shown(host.get("reason") or "nothing was judged")
        yield _case(name, "host answered", "error", told, f"fix: {plain(host['fix'])}" if host.get("fix") else "")
    rows: dict[str, list[Run]] = {}
    for row in host["results"]:
        if row["status"] != "pass":
            rows.setdefault(row["id"], []).append(row)
    for check, status in findings.worst_by_check(host["results"]).items():
        title, place = catalogue.get(check, {}).get("title"), f"{name}.{check.partition('.')[0]}"
        called = f"{check}: {title}" if title else check
        if status == "pass":
            yield _case(place, called)
        else:
            yield _case(place, called, _TAGS[status], *_told(status, rows[check], catalogue))
    for phase, verdict in host.get("phases", {}).items():
        if verdict == "not_reached":
            title = PHASES.get(int(phase), "") if phase.isdecimal() else ""
            yield _case(name, f"phase {phase} {title}".strip(), "skipped", "phase not reached")


def _told(status: str, rows: list[Run], catalogue: Run) -> tuple[str, str]:
    """What a case says of a check that did not pass: the message, and the text below it."""
    first = next(row for row in rows if row["status"] == status)
    if status in ("waived", "not_applicable"):
        said = first["reason"] or findings.sentence(first, catalogue)
        return f"{status.replace('_', ' ')}: {plain(said, 500)}", ""
    lines = [plain(findings.sentence(row, catalogue)) for row in rows]
    fix = catalogue.get(first["id"], {}).get("fix")
    message = plain(findings.sentence(first, catalogue), 500)
    return message, "\n".join([*lines, *([f"fix: {plain(fix)}"] if fix else [])])


def _case(classname: str, name: str, tag: str | None = None, message: str = "", body: str = "") -> Case:
    case = f'<testcase classname={_quoted(classname)} name={_quoted(name)} time="0"'
    if tag is None:
        return tag, f"{case}/>"
    if tag not in _TYPES:
        return tag, f"{case}><{tag} message={_quoted(message)}/></testcase>"
    outcome = f'<{tag} message={_quoted(message)} type="{_TYPES[tag]}">{escape(body)}</{tag}>'
    return tag, f"{case}>{outcome}</testcase>"


@functools.lru_cache(maxsize=1 << 16)  # the hosts of a rack say mostly the same
def _quoted(text: str) -> str:
    return f'"{escape(plain(text))}"'


def _counts(cases: list[Case]) -> Counter[str]:
    tags = Counter(tag for tag, unused in cases)
    return Counter({"tests": len(cases)} | {key: tags[tag] for tag, key in _COUNTED.items()})


def _element(
    tag: str, head: Mapping[str, str], counts: Counter[str], inside: Iterable[str]
) -> tuple[Counter[str], str]:
    counted = "".join(f' {key}="{counts[key]}"' for key in ("tests", *_COUNTED.values()))
    named = "".join(f" {key}={_quoted(value)}" for key, value in head.items())
    return counts, "\n".join([f"<{tag}{named}{counted}>", *inside, f"</{tag}>"])
