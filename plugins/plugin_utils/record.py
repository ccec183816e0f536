# Copyright (c) 2026 the muster.fleet authors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""One host's record in a run: who it is, what was found, and which checks it was found by."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ..module_utils.collect.node import DOMAINS
from ..module_utils.judge.engine import Ground, judge
from ..module_utils.judge.results import overall
from . import rundir
from .answered import completed, meant, owed
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
    """Return the record of a host that answered.

    Whether it is simulated and what was planted in it is in ``answer`` the word of who asked (see ``node.ask``).
    """
    seen = completed(answer["facts"], options.get("domains") or DOMAINS)
    named = {"answered": True, "class_named": options.get("class_named", True)}
    facts = {**seen, REACH: {**named, "source": "connection", "errors": []}}
    reason, at = owed(seen), rundir.now()
    ground = Ground(facts, judge_by.profile, at)
    verdict = judge(
        meant(judge_by.checks, facts, ground),
        ground,
        judge_by.waivers,
        subject.name,
        options["gated"],
        options["phases"] or None,
        today=at[:10],
    )
    return {
        **subject.head,
        **verdict,
        "verdict": overall([verdict["verdict"], *(["unknown"] if reason else [])]),
        "reached": True,
        "reason": reason,
        "simulated": answer["simulated"],
        "replayed": bool(options.get("replay")),
        "planted": answer["planted"] or subject.planted,
        "took_s": answer["took_s"],
        "facts_summary": summary(facts),
        "errors": [
            {"domain": domain, "source": error["source"], "reason": error["reason"]}
            for domain, found in seen.items()
            for error in found.get("errors") or []
        ],
        "catalogue": judge_by.key,
    }


def summary(facts: Mapping[str, Any]) -> dict[str, Any]:
    """Return the few facts by which a person knows a machine again."""
    devices = _under(facts, "gpu", "devices")
    models = [_under(device, "model") for device in devices] if isinstance(devices, list) else []
    named = [model for model in models if model and isinstance(model, str)]
    kernel = _under(facts, "host", "kernel")
    shown = {
        "accelerators": ", ".join(f"{named.count(model)} x {model}" for model in dict.fromkeys(named)),
        "driver": _under(facts, "gpu", "driver", "version"),
        "facts_from": _under(facts, "gpu", "source"),
        "kernel": kernel if isinstance(kernel, str) else _under(kernel, "release"),
        "os": _under(facts, "host", "os", "pretty_name"),
        "system": _under(facts, "firmware", "system", "product"),
        "bios": _under(facts, "firmware", "bios", "version"),
    }
    return {key: value for key, value in shown.items() if value and isinstance(value, str)}


def _under(value: Any, *names: str) -> Any:
    """Return what lies below these names, or None where a machine's answer has another shape."""
    for name in names:
        value = value.get(name) if isinstance(value, Mapping) else None
    return value
