# Copyright (c) 2026 the muster.fleet authors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""A service and what depends on it, on one host: deployed, restarted and led back by the module on the node.

``call(arguments)`` runs the module once and returns what it returned; everything else here is plain.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from ...module_utils.release.service import Service
from . import deed
from .render import Rendered

Call = Callable[[dict[str, Any]], Mapping[str, Any]]
Answers = list[dict[str, Any]]


class Order(NamedTuple):
    """What is to be done on a host: ``common`` goes to the module with every call (run, who, why, places)."""

    host: str
    run_id: str
    chain: list[str]
    services: Mapping[str, Service]
    common: Mapping[str, Any]
    call: Call
    check: bool = False


def deploy(order: Order, tag: str, rendered: Rendered, registry: Mapping[str, Any] | None) -> deed.Deed:
    """Deploy the first service of the chain and restart the others; when one of these fails, lead all of it back."""
    name = order.chain[0]
    arguments: dict[str, Any] = {
        "state": "present",
        "tag": tag,
        "env": json.dumps(rendered.env),  # as one text: of a mapping, Ansible would mask each value wherever it occurs
        "files": json.dumps(rendered.files),
        **({"registry": dict(registry)} if registry else {}),
    }
    answers = [_asked(order, name, **arguments)]
    if answers[0]["outcome"] in deed.GOOD and answers[0].get("changed"):
        answers += _restarted(order)
        if not deed.good(answers):
            bad = answers[-1]
            back = _led_back(order)
            outcome = deed.REVERTED if deed.good(back) else deed.FAILED
            return _told(order, answers + back, outcome, bad, f". {_where_to(order, back)}")
    return _told(order, answers, answers[0]["outcome"], answers[0])


def _where_to(order: Order, back: Answers) -> str:
    """Say what became of a chain that was rolled back because a dependant failed."""
    name, runs = order.chain[0], (back[0].get("release") or {}).get("tag") or "nothing"
    bad = next((answer for answer in back if answer["outcome"] not in deed.GOOD), None)
    if bad is None:
        others = [answer["service"] for answer in back[1:]]
        return f"{name} was rolled back, {runs} runs again" + (f"; restarted: {', '.join(others)}" if others else "")
    if bad is back[0]:
        return f"{name} could not be rolled back, {runs} runs: {deed.said(bad, name, order.host)}"
    return f"{name} was rolled back, {runs} runs again, and then {deed.said(bad, bad['service'], order.host)}"


def roll_back(order: Order, steps: int, only_from: str = "") -> deed.Deed:
    """Lead the first service of the chain back, so many verified releases, and restart the others.

    A host that runs something else than ``only_from`` stays as it is: so this can be done again after it half failed.
    """
    if only_from:
        now = _asked(order, order.chain[0], state="recovered")
        tag = (now.get("release") or now.get("current") or {}).get("tag")
        if tag != only_from and (tag or now["outcome"] in deed.GOOD):
            outcome = deed.UNCHANGED if now["outcome"] in deed.GOOD else now["outcome"]
            why = f": {now.get('msg')}" if outcome != deed.UNCHANGED else ""
            text = f"runs {tag}, so it is not led back from {only_from}{why}"
            told = deed.said({"msg": text}, order.chain[0], order.host)
            return deed.new(order.host, outcome, told, answers=[now | {"outcome": outcome}], check=order.check)
    answers = [_asked(order, order.chain[0], state="rolled_back", to=steps)]
    if answers[0]["outcome"] in deed.GOOD and answers[0].get("changed"):
        answers += _restarted(order)
    bad = next((answer for answer in answers if answer["outcome"] not in deed.GOOD), None)
    outcome = deed.FAILED if bad and bad is not answers[0] else answers[0]["outcome"]
    return _told(order, answers, outcome, bad or answers[0])


def settle(order: Order, done: Mapping[str, Any], cause: str) -> deed.Deed:
    """Lead a host back because the fleet is led back: only what this run deployed there, else nothing."""
    answers = _led_back(order)
    first = answers[0]
    if not deed.good(answers):
        bad = next(answer for answer in answers if answer["outcome"] not in deed.GOOD)
        message = f"it was to be led back because {cause}: {deed.said(bad, bad['service'], order.host)}"
    elif first["outcome"] == deed.UNCHANGED:
        message = "nothing that this run deployed runs there"
    else:
        message = f"led back to {(first.get('release') or {}).get('tag')} because {cause}"
    changed = any(answer.get("changed") for answer in answers)
    settled = {"outcome": first["outcome"], "message": message, "changed": changed}
    return {**done, "reached": True, "answers": [*done["answers"], *answers], "settled": settled}


def _led_back(order: Order) -> Answers:
    answers = [_asked(order, order.chain[0], state="rolled_back", to=1, of_run=order.run_id)]
    if answers[0]["outcome"] in deed.GOOD and answers[0].get("changed"):
        answers += _restarted(order)
    return answers


def _restarted(order: Order) -> Answers:
    """Restart what depends on the service, one after the other, until one fails."""
    answers: Answers = []
    for name in [] if order.check else order.chain[1:]:
        answers.append(_asked(order, name, state="restarted"))
        if answers[-1]["outcome"] not in deed.GOOD:
            break
    return answers


def _asked(order: Order, name: str, state: str, **more: Any) -> dict[str, Any]:
    known = order.services.get(name)  # without it, a rollback goes by what was deployed
    service = (
        {"service": {**known.data(), "env": {}}} if known else {}
    )  # values go in ``env`` alone, kept from every log
    returned = order.call({**order.common, "name": name, **service, "state": state, **more})
    return deed.answer(name, state, returned)


def _told(order: Order, answers: Answers, outcome: str, about: Mapping[str, Any], more: str = "") -> deed.Deed:
    changed = any(answer.get("changed") for answer in answers)
    message = deed.said(about, about["service"], order.host)
    message = message.rstrip(".") + more if more else message
    return deed.new(order.host, outcome, message, answers=answers, changed=changed, check=order.check)
