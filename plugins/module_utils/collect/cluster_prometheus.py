# Copyright (c) 2026 the muster.fleet authors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Prometheus, asked through its own API: what it scrapes, which alerts it has loaded, which series it holds."""

from __future__ import annotations

import json
from functools import partial
from typing import Any, Dict, List, Mapping, Optional, Sequence
from urllib.parse import quote

from ..host import ABSENT, FAILED, OK, Asked
from .cluster_probes import Looks, server

API = "/api/v1"
SHOWN = 20


def looks(asked: Asked, wanted: Mapping[str, Any]) -> Looks:
    """Return what it is -> how to look at it, for each Prometheus that is asked for."""
    listed = wanted.get("prometheus", ())
    return {f"prometheus {entry['name']} at {entry['at']}": partial(_prometheus, asked, entry) for entry in listed}


def _prometheus(asked: Asked, entry: Mapping[str, Any]) -> Dict[str, Any]:
    at = server(entry)
    targets = _list(_get(asked, at, "/targets?state=active"), "activeTargets")
    rules = _rules(_get(asked, at, "/rules?type=alert"))
    managers = _list(_get(asked, at, "/alertmanagers"), "activeAlertmanagers")
    down = [_name(one) for one in targets if one.get("health") != "up"] if targets else None
    wanted: Sequence[str] = entry.get("alerts") or []
    names = None if rules is None else {str(rule.get("name")) for rule in rules}
    return {
        "label": f"prometheus {entry['name']}",
        "name": entry["name"],
        "source": at,
        "answers": _answers(asked, at),
        "targets": None if targets is None else len(targets),
        "targets_down": None if down is None else down[:SHOWN],
        "alert_rules": None if rules is None else len(rules),
        "names_alerts": bool(wanted),
        "alerts_missing": None if names is None or not wanted else [name for name in wanted if name not in names],
        "alerts_unhealthy": sorted({str(rule.get("name")) for rule in rules if rule.get("health") != "ok"})[:SHOWN]
        if rules
        else None,
        "alertmanagers": None if managers is None else len(managers),
        **_series(asked, at, entry, "workload"),
        **_series(asked, at, entry, "queue"),
    }


def _answers(asked: Asked, at: str) -> Optional[bool]:
    answer = asked.host.http("/-/ready", at, timeout=5, limit=4096)
    if answer.state == OK:
        return answer.status == 200
    asked.fail(f"{at}/-/ready", answer.detail or answer.state)
    return False if answer.state in (ABSENT, FAILED) else None


def _get(asked: Asked, at: str, path: str) -> Any:
    """Return the data of an answer that calls itself a success, else note why and return ``None``."""
    answer = asked.host.http(API + path, at, timeout=10)
    if answer.state != OK or answer.status != 200:
        asked.fail(at + API + path, answer.detail or answer.state if answer.state != OK else f"HTTP {answer.status}")
        return None
    try:
        told = json.loads(answer.body)
    except (ValueError, RecursionError):
        told = None
    if not isinstance(told, dict) or told.get("status") != "success":
        asked.fail(at + API + path, "not an answer of Prometheus")
        return None
    return told.get("data")


def _list(data: Any, key: str) -> Optional[List[Mapping[str, Any]]]:
    found = data.get(key) if isinstance(data, dict) else None
    return found if isinstance(found, list) and all(isinstance(one, dict) for one in found) else None


def _rules(data: Any) -> Optional[List[Mapping[str, Any]]]:
    groups = _list(data, "groups")
    if groups is None:
        return None
    listed = [_list(group, "rules") for group in groups]
    return None if None in listed else [rule for rules in listed for rule in rules or ()]


def _name(target: Mapping[str, Any]) -> str:
    labels = target.get("labels")
    labels = labels if isinstance(labels, dict) else {}
    return f"{labels.get('job', '?')} {labels.get('instance', '?')}"


def _series(asked: Asked, at: str, entry: Mapping[str, Any], kind: str) -> Dict[str, Any]:
    """Return which queries of a kind have no fresh value; Prometheus itself forgets what is older than five minutes."""
    queries: Sequence[str] = entry.get(kind) or []
    answers = {query: _list(_get(asked, at, f"/query?query={quote(query, safe='')}"), "result") for query in queries}
    unknown = not queries or None in answers.values()
    return {
        f"asks_{kind}": bool(queries),
        f"{kind}_missing": None if unknown else [query for query, result in answers.items() if not result],
    }
