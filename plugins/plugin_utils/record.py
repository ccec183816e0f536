# Copyright (c) 2026 the muster.fleet authors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""One host's record in a run: who it is, what was found, and which checks it was found by."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ..module_utils.judge.engine import Ground, judge
from . import rundir
from .prepared import Ready

REACH = "reach"


class Subject:
    """The host that a record speaks of, as the inventory knows it."""

    def __init__(self, name: str, options: Mapping[str, Any]):
        self.name = name
        self.head = {
            "name": name,
            "rack": options.get("rack"),
            "slot": options.get("slot"),
            "class": options["profile"],
            "profile": options["profile"],
        }
        self.planted = options.get("planted")


def unanswered(subject: Subject, reason: str, judge_by: Ready | None = None) -> dict[str, Any]:
    """Return the record of a host that gave no facts: unknown, with the reason."""
    facts = {REACH: {"answered": None, "errors": [{"source": "connection", "reason": reason}]}}
    checks = [check for check in judge_by.checks if check["domains"] == [REACH]] if judge_by else []
    profile = judge_by.profile if judge_by else {"name": subject.head["profile"], "values": {}}
    judged = judge(checks, Ground(facts, profile, rundir.now()), gated=True)
    planted = subject.planted
    ahead = {str(check["phase"]) for check in (judge_by.checks if judge_by else []) if check not in checks}
    states = {
        phase: "not_reached" if phase in ahead and state == "no_checks" else state
        for phase, state in judged["phases"].items()
    }
    return {
        **subject.head,
        "verdict": "unknown",
        "reached": False,
        "reason": reason,
        "simulated": planted is not None,
        "planted": planted,
        "phases": states,
        "results": judged["results"],
        "took_s": None,
        "facts_summary": {},
        "errors": [{"domain": REACH, "source": "connection", "reason": reason}],
        "catalogue": judge_by.key if judge_by else None,
    }


def judged(subject: Subject, answer: Mapping[str, Any], judge_by: Ready, options: Mapping[str, Any]) -> dict[str, Any]:
    """Return the record of a host that answered."""
    facts = {**answer["facts"], REACH: {"answered": True, "source": "connection", "errors": []}}
    checks = [check for check in judge_by.checks if facts.keys() >= set(check["domains"])]
    at = rundir.now()
    verdict = judge(
        checks,
        Ground(facts, judge_by.profile, at),
        judge_by.waivers,
        subject.name,
        options["gated"],
        options["phases"] or None,
        today=at[:10],
    )
    return {
        **subject.head,
        **verdict,
        "reached": True,
        "reason": None,
        "simulated": answer["simulated"],
        "replayed": bool(options.get("replay")),
        "planted": answer["planted"] or subject.planted,
        "took_s": answer["took_s"],
        "facts_summary": summary(facts),
        "errors": [
            {"domain": domain, "source": error["source"], "reason": error["reason"]}
            for domain, found in answer["facts"].items()
            for error in found.get("errors") or []
        ],
        "catalogue": judge_by.key,
    }


def summary(facts: Mapping[str, Any]) -> dict[str, Any]:
    """Return the few facts by which a person knows a machine again."""
    gpu, host, firmware = (facts.get(domain) or {} for domain in ("gpu", "host", "firmware"))
    models = [device.get("model") for device in gpu.get("devices") or [] if device.get("model")]
    shown = {
        "accelerators": ", ".join(f"{models.count(model)} x {model}" for model in dict.fromkeys(models)) or None,
        "driver": (gpu.get("driver") or {}).get("version"),
        "facts_from": gpu.get("source"),
        "kernel": (host.get("kernel") or {}).get("release")
        if isinstance(host.get("kernel"), dict)
        else host.get("kernel"),
        "os": (host.get("os") or {}).get("pretty_name") if isinstance(host.get("os"), dict) else None,
        "system": (firmware.get("system") or {}).get("product") if isinstance(firmware.get("system"), dict) else None,
        "bios": (firmware.get("bios") or {}).get("version") if isinstance(firmware.get("bios"), dict) else None,
    }
    return {key: value for key, value in shown.items() if value}
