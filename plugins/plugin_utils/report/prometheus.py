# Copyright (c) 2026 the muster.fleet authors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Prometheus text exposition, for the node exporter's textfile directory or a push gateway."""

from __future__ import annotations

from collections import Counter
from datetime import datetime
from typing import Any, Iterator, Mapping

from .terms import PASSED_MUSTER, STATUSES, VERDICTS
from .text import plain

Run = Mapping[str, Any]
Sample = tuple[dict[str, Any], float]

_METRICS = {
    "muster_run_info": "The run that these values come from; always 1.",
    "muster_run_timestamp_seconds": "When the run finished, in seconds since 1970.",
    "muster_run_verdict": "1 for the verdict of the whole run, 0 for the others.",
    "muster_run_reason": "Why the run as a whole does not pass; always 1, and absent when nothing is wrong with it.",
    "muster_hosts": "Number of hosts by verdict; every expected host is counted.",
    "muster_host_reached": "1 if the host answered.",
    "muster_host_reason": "Why the host could not be judged, or not wholly; always 1, and absent when it was.",
    "muster_host_ready": "1 if the host is ready or degraded, 0 if it is not ready or unknown.",
    "muster_host_verdict": "1 for the verdict of the host, 0 for the others.",
    "muster_host_checks": "Number of result rows of the host by status.",
    "muster_check_status": "1 for each check of a host that fails, is unknown or is waived; passes are only counted.",
    "muster_readiness_percent": "Share of the applicable checks of a phase that pass, 0 to 100.",
}


def render(run: Run) -> str:
    """The metrics of a run; all carry the label ``simulated``, a dry run ``check_mode``: it makes none ready."""
    samples: dict[str, list[Sample]] = {name: [] for name in _METRICS}
    for name, labels, value in (*_of_run(run), *_of_hosts(run)):
        marks = {"simulated": _word(run["simulated"])} | ({"check_mode": "true"} if run.get("check_mode") else {})
        samples[name].append((marks | labels, value))
    lines = []
    for name, text in _METRICS.items():
        if samples[name]:
            lines += [f"# HELP {name} {text}", f"# TYPE {name} gauge"]
            lines += [f"{name}{_labels(labels)} {value:.15g}" for labels, value in samples[name]]
    return "\n".join(lines) + "\n"


def _of_run(run: Run) -> Iterator[tuple[str, dict[str, Any], float]]:
    yield "muster_run_info", {"run_id": run["run_id"], "collection_version": run["collection_version"]}, 1
    finished = _seconds(run["finished"])
    if finished is not None:
        yield "muster_run_timestamp_seconds", {}, finished
    if run["reason"]:
        yield "muster_run_reason", {"reason": run["reason"]}, 1
    for verdict in VERDICTS:
        told = verdict not in PASSED_MUSTER or not run.get("check_mode")
        yield "muster_run_verdict", {"verdict": verdict}, told and run["verdict"] == verdict
        yield "muster_hosts", {"verdict": verdict}, told and run["counts"][verdict]
    for phase, score in run["scores"].items():
        if score["ready_percent"] is not None:
            yield "muster_readiness_percent", {"phase": phase.removeprefix("phase-")}, score["ready_percent"]


def _of_hosts(run: Run) -> Iterator[tuple[str, dict[str, Any], float]]:
    for name, host in run["hosts"].items():
        who = {"host": name, "rack": host["rack"], "class": host["class"], "simulated": _word(host["simulated"])}
        yield "muster_host_reached", who, host["reached"]
        real = not run.get("check_mode")
        if host["reason"]:
            yield "muster_host_reason", who | {"reason": host["reason"]}, 1
        yield "muster_host_ready", who, real and host["verdict"] in PASSED_MUSTER
        for verdict in VERDICTS:
            told = real or verdict not in PASSED_MUSTER
            yield "muster_host_verdict", who | {"verdict": verdict}, told and host["verdict"] == verdict
        counts = Counter(row["status"] for row in host["results"])
        for status in STATUSES:
            yield "muster_host_checks", who | {"status": status}, counts[status]
        seen = {(row["id"], row["status"], row["severity"], row["phase"]) for row in host["results"]}
        for check, status, severity, phase in sorted(seen):
            if status in ("fail", "unknown", "waived"):
                which = {"check": check, "status": status, "severity": severity, "phase": phase}
                yield "muster_check_status", who | which, 1


def _labels(labels: Mapping[str, Any]) -> str:
    """Labels in braces, escaped; an absent value is left out, which Prometheus reads as empty."""
    pairs = (f'{key}="{_escaped(value)}"' for key, value in labels.items() if value is not None)
    return "{" + ",".join(pairs) + "}"


def _escaped(value: object) -> str:
    return plain(value, 300).replace("\\", r"\\").replace('"', r"\"")


def _word(value: object) -> str:
    return "true" if value else "false"


def _seconds(stamp: object) -> float | None:
    try:
        return datetime.fromisoformat(str(stamp)).timestamp()
    except ValueError:
        return None
