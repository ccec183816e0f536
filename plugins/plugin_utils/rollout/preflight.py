# Copyright (c) 2026 the muster.fleet authors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The items of the checklist that the controller answers: CI and scan, read from where the service says."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from ...module_utils.judge.results import FAIL, PASS, UNKNOWN
from ...module_utils.release.service import Service, missing_env
from .. import evidence

STATED = r"(?i)\b(?:status|state|conclusion|result)\b\W{1,5}(\w+)"
GREEN = {"success", "successful", "succeeded", "passed", "pass", "green", "ok"}
OVER = {"completed", "finished", "done"}  # say that it ended, and not how
GRAVE = ("critical", "high")


def answers(service: Service, tag: str, base: Path) -> list[dict[str, Any]]:
    """Return the answers to what a service names; ``{tag}`` in a name or expectation is the tag that is deployed."""
    found = []
    status, scan = service.preflight.ci_status, service.preflight.cve_scan
    if status is not None:
        found.append(_answer("release.pre.ci", _where(status, tag), base, lambda text: _ci(text, status.expect, tag)))
    if scan is not None:
        most = {"critical": scan.critical, "high": scan.high}
        found.append(_answer("release.pre.cve", _where(scan, tag), base, lambda text: _cve(text, most)))
    return found


def env_answer(service: Service, env: Mapping[str, Any]) -> dict[str, Any]:
    """Return the answer to whether every required variable has a value; values are told to nobody."""
    absent = missing_env(service, env)
    return {
        "id": "release.pre.env",
        "status": FAIL if absent else PASS,
        "observed": f"{len(service.required_env) - len(absent)} of {len(service.required_env)}",
        "expected": f"{len(service.required_env)} variables with a value",
        "message": f"no value for {', '.join(absent)}" if absent else "every required variable has a value",
        "source": service.env_template or "env",
    }


def _where(said: Any, tag: str) -> tuple[str, str]:
    kind = "url" if said.url else "file"
    return kind, str(said.url or said.file).replace("{tag}", tag)


def _answer(name: str, where: tuple[str, str], base: Path, judge: Any) -> dict[str, Any]:
    kind, what = where
    source = f"{kind} {evidence.name(kind, what)}"
    got = evidence.READ[kind](what, base)
    if got.error or not got.data.strip():
        return _said(name, source, UNKNOWN, None, None, f"{source}: {got.error or 'it is empty'}")
    status, observed, expected, message = judge(got.data.decode("utf-8", "replace"))
    return _said(name, source, status, observed, expected, f"{source} {message}")


def _said(name: str, source: str, status: str, observed: Any, expected: Any, message: str) -> dict[str, Any]:
    return {"id": name, "status": status, "observed": observed, "expected": expected, "message": message,
            "source": source}  # fmt: skip


def _ci(text: str, expect: str | None, tag: str) -> tuple[str, str, str, str]:
    wanted = expect.replace("{tag}", tag) if expect else "success, and nothing else"
    said = {word.lower() for word in re.findall(STATED, text)}
    good = wanted in text if expect else bool(said & GREEN) and said <= GREEN | OVER
    return (
        PASS if good else FAIL,
        "found" if good else "not found",
        wanted,
        f"{'says' if good else 'does not say'} {wanted}",
    )


def _cve(text: str, most: Mapping[str, int]) -> tuple[str, str | None, str, str]:
    expected = ", ".join(f"at most {most[severity]} {severity}" for severity in GRAVE)
    try:
        counted = counts(json.loads(text))
    except ValueError:
        counted = None
    if counted is None:
        return UNKNOWN, None, expected, "is no scan that can be read (trivy, grype, or counts by severity, as JSON)"
    observed = ", ".join(f"{counted[severity]} {severity}" for severity in GRAVE)
    bad = any(counted[severity] > most[severity] for severity in GRAVE)
    return FAIL if bad else PASS, observed, expected, f"counts {observed}, {expected} allowed"


def counts(scan: Any) -> Counter[str] | None:
    """Return findings by severity of a scan of trivy or grype, or of plain counts; None when it is none."""
    if not isinstance(scan, dict):
        return None
    if isinstance(scan.get("Results"), list):  # trivy; without any result it scanned nothing
        if not scan["Results"]:
            return None
        return _counted(found.get("Severity") for found in _within(scan["Results"], "Vulnerabilities"))
    if isinstance(scan.get("matches"), list) and scan.get("descriptor"):  # grype
        return _counted(
            (found.get("vulnerability") or {}).get("severity") for found in scan["matches"] if isinstance(found, dict)
        )
    plain = {str(key).lower(): value for key, value in scan.items()}
    if all(isinstance(plain.get(severity), int) and not isinstance(plain[severity], bool) for severity in GRAVE):
        return Counter({severity: plain[severity] for severity in GRAVE})
    return None


def _within(results: list[Any], key: str) -> Iterator[Mapping[str, Any]]:
    for result in results:
        for found in (result.get(key) if isinstance(result, dict) else None) or []:
            if isinstance(found, dict):
                yield found


def _counted(severities: Iterator[Any]) -> Counter[str]:
    """Count severities; one that nobody rated counts as the worst."""
    return Counter(str(severity or "critical").lower() for severity in severities)
