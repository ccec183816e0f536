# Copyright (c) 2026 the muster.fleet authors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Judging: checks and facts and a profile in, results out. Pure, standard library, the same on controller and node.

What is missing is ``unknown``, never a pass: a fact without a value, an empty list behind ``[*]``, an expectation
that the profile does not state, two values that cannot be compared.
"""

from __future__ import annotations

from typing import Any, Dict, Iterable, List, Mapping, NamedTuple, Optional, Tuple

from . import waivers as waiving
from .catalogue import conditions
from .functions import FUNCTIONS
from .layers import layer, taken_back
from .operators import OPERATORS, say, say_expected
from .paths import Item, around, is_missing, items, look
from .results import FAIL, NOT_APPLICABLE, PASS, UNKNOWN, Result, phases, reached, verdict

REFERENCES = ("profile", "fact", "item")
REASONS_SHOWN = 2


class Ground(NamedTuple):
    """What a judgement stands on. ``at`` is a time in ISO 8601.

    ``profile`` is ``{"name", "values", "sources", "layers"}``; ``layers`` is a tree like ``values``, of layers' names.
    """

    facts: Mapping[str, Any]
    profile: Mapping[str, Any]
    at: str


class Operand(NamedTuple):
    """An expectation made concrete: its value, why it has none, and where it comes from."""

    value: Any
    missing: Optional[str]
    origin: Optional[str]


def judge(
    checks: Iterable[Mapping[str, Any]],
    ground: Ground,
    waivers: Iterable[Mapping[str, Any]] = (),
    host: str = "",
    gated: bool = False,
    only_phases: Optional[Iterable[int]] = None,
    today: str = "",
) -> Dict[str, Any]:
    """Return ``{"verdict", "phases", "results"}`` of one host; ``today`` (YYYY-MM-DD) decides which waivers hold."""
    wanted = set(only_phases) if only_phases is not None else None
    rows: List[Result] = []
    for check in checks:
        if wanted is None or check["phase"] in wanted:
            rows += judge_check(check, ground)
    rows = waiving.apply(rows, waivers, host, today or ground.at[:10])
    states = phases(rows, gated)
    return {"verdict": verdict(reached(rows, states)), "phases": states, "results": reached(rows, states)}


def judge_check(check: Mapping[str, Any], ground: Ground) -> List[Result]:
    """Return the rows of one check: one for everything that passes, one for every item that does not."""
    if "settled" in check:
        return [dict(check["settled"], at=ground.at)]
    hindrance = _hindrance(check, ground) or taken_back(check, ground.profile)
    if hindrance:
        status, reason = hindrance
        said = f"{check['what']} is unknown: {reason}" if status == UNKNOWN else None
        return [_row(check, ground, None, status, message=said, reason=reason)]
    try:
        rows = _by_function(check, ground) if "using" in check else _by_subject(check, ground)
    except Exception as error:  # a defect in a check must cost that check its answer, not the run
        reason = f"this check could not be judged: {type(error).__name__}: {error}"
        rows = [_row(check, ground, None, UNKNOWN, message=f"{check['what']} is unknown: {reason}", reason=reason)]
    return _gathered(check, ground, rows)


def _hindrance(check: Mapping[str, Any], ground: Ground) -> Optional[Tuple[str, str]]:
    """Return why a check is not applicable, or cannot be known to be applicable."""
    for condition in conditions(check):
        side, path = next((key, condition[key]) for key in ("profile", "fact") if key in condition)
        value = look(ground.profile["values"] if side == "profile" else ground.facts, path)
        name = f"profile {ground.profile['name']}" if side == "profile" else "this machine"
        if "defined" in condition:
            if (value is not None) != condition["defined"]:
                state = "states no" if value is None else "states"
                return NOT_APPLICABLE, f"{name} {state} {path}"
            continue
        if side == "profile" and value is None and layer(ground.profile, path):
            return NOT_APPLICABLE, f"{layer(ground.profile, path)} asks for no {path}"
        if value is None or (side == "fact" and is_missing(value)):
            return UNKNOWN, f"{name} {'states no' if side == 'profile' else 'shows no'} {path}" + _because(ground, path)
        for operator, stated in condition.items():
            operand = _operand(stated, None, ground).value
            if operator in OPERATORS and not OPERATORS[operator].holds(value, operand):
                return (
                    NOT_APPLICABLE,
                    f"{name}: {path} is {say(value)}, this check is for {say_expected(operator, operand)}",
                )
    return None


def _by_subject(check: Mapping[str, Any], ground: Ground) -> List[Result]:
    found = items(ground.facts, check["subject"])
    chosen = [(item, _chosen(item, check.get("where", {}), ground)) for item in found]
    kept = [(item, state) for item, state in chosen if state is not False]
    if not kept:
        reason = f"{check['subject']}: none of {len(found)} items is meant by this check"
        return [_row(check, ground, None, UNKNOWN, message=f"{check['what']} is unknown: {reason}", reason=reason)]
    if OPERATORS[next(iter(check["expect"]))].collective:
        return _together(check, ground, [item for item, unused in kept])
    return [_judge_item(check, ground, item if state is True else item._replace(missing=state)) for item, state in kept]


def _chosen(item: Item, where: Mapping[str, Any], ground: Ground) -> Any:
    """Return True when ``where`` means the item, False when not, and a text when that cannot be known."""
    for path, wanted in where.items():
        value = around(item, path)
        if item.missing and not item.around:
            return True  # nothing is there at all: the item itself already says so
        if is_missing(value):
            return f"{path} has no value"
        expect = wanted if isinstance(wanted, dict) else {"eq": wanted}
        for operator, stated in expect.items():
            operand = _operand(stated, item, ground)
            if operand.missing or not OPERATORS[operator].holds(value, operand.value):
                return operand.missing or False
    return True


def _judge_item(check: Mapping[str, Any], ground: Ground, item: Item) -> Result:
    expected, origin = [], None
    status, trouble = PASS, item.missing
    for operator, stated in check["expect"].items():
        operand = _operand(stated, item, ground)
        origin = operand.origin or origin
        if operand.missing:
            trouble = trouble or operand.missing
            continue
        expected.append((operator, operand.value))
        if trouble is None:
            try:
                status = status if OPERATORS[operator].holds(item.value, operand.value) else FAIL
            except (TypeError, ValueError, IndexError) as error:
                trouble = str(error)
    said = " and ".join(say_expected(operator, value) for operator, value in expected)
    if trouble:
        return _unknown(check, ground, item, trouble, said or None, origin)
    return _row(check, ground, item.label, status, item.value, said, item.source, origin)


def _together(check: Mapping[str, Any], ground: Ground, found: List[Item]) -> List[Result]:
    operator, operand = next(iter(check["expect"].items()))
    said = say_expected(operator, operand)
    for item in found:
        if item.missing:
            return [_unknown(check, ground, item, item.missing, said, None)]
    values = [item.value for item in found]
    groups: Dict[str, List[str]] = {}
    for item in found:
        groups.setdefault(say(item.value), []).append(item.label or "?")
    if OPERATORS[operator].holds(values, operand):
        status, observed = PASS, values[0] if len(groups) == 1 else list(groups)
    else:
        few = sorted(groups.items(), key=lambda pair: -len(pair[1]))
        status, observed = FAIL, "; ".join(f"{value}: {', '.join(who[:8])}" for value, who in few)
    return [_row(check, ground, None, status, observed, said, found[0].source, None, len(found))]


def _by_function(check: Mapping[str, Any], ground: Ground) -> List[Result]:
    options = {key: _operand(value, None, ground).value for key, value in check.get("with", {}).items()}
    rows = []
    for found in FUNCTIONS[check["using"]](ground.facts, ground.profile["values"], options):
        if found.ok is None:
            item = Item(found.item, None, None, (), None, None)
            rows.append(_unknown(check, ground, item, found.reason or "no answer", None, None))
        else:
            status = PASS if found.ok else FAIL
            rows.append(_row(check, ground, found.item, status, found.observed, say(found.expected)))
    if not rows:
        return [
            _unknown(check, ground, Item(None, None, None, (), None, None), "there is nothing to judge", None, None)
        ]
    return rows


def _operand(stated: Any, item: Optional[Item], ground: Ground) -> Operand:
    """Turn an operand of the catalogue into a value: a literal, or what a reference leads to."""
    if isinstance(stated, list):
        parts = [_operand(part, item, ground) for part in stated]
        missing = next((part.missing for part in parts if part.missing), None)
        return Operand(
            [part.value for part in parts], missing, next((part.origin for part in parts if part.origin), None)
        )
    if not isinstance(stated, str) or stated.split(".")[0] not in REFERENCES or "." not in stated:
        return Operand(stated, None, None)
    kind, path = stated.split(".", 1)
    if kind == "item":
        value = around(item, path) if item else None
        return Operand(value, f"{path} has no value" if is_missing(value) else None, None)
    if kind == "fact":
        value = look(ground.facts, path, item)
        return Operand(value, f"{path} has no value" if is_missing(value) else None, None)
    value = look(ground.profile["values"], path, item)
    name = ground.profile["name"]
    origin = layer(ground.profile, path, item) or f"profile {name}"
    stated_by = ground.profile.get("sources", {}).get(path)
    return Operand(
        value,
        f"profile {name} states no {path}" if value is None else None,
        f"{origin}: {stated_by}" if stated_by else origin,
    )


def _because(ground: Ground, path: str) -> str:
    """Return what the collector said about the sources of a domain that could not answer."""
    domain = path.split(".", maxsplit=1)[0].split("[", maxsplit=1)[0]
    facts = ground.facts.get(domain)
    if not isinstance(facts, dict):
        return f" ({domain} facts were not collected)"
    said = [
        f"{error.get('source')}: {error.get('reason')}"
        for error in facts.get("errors") or []
        if isinstance(error, Mapping)
    ]
    shown = "; ".join(said[:REASONS_SHOWN])
    more = f" and {len(said) - REASONS_SHOWN} more" if len(said) > REASONS_SHOWN else ""
    return f" ({shown}{more})" if said else ""


def _unknown(
    check: Mapping[str, Any], ground: Ground, item: Item, trouble: str, expected: Optional[str], origin: Optional[str]
) -> Result:
    state = next((entry["state_detail"] for entry in item.around if entry.get("state_detail")), None)
    reason = trouble + (
        f" ({state})" if state else _because(ground, check.get("subject", "")) if check.get("subject") else ""
    )
    who = f"{item.label}: " if item.label else ""
    message = f"{who}{check['what']} is unknown: {reason}" + (f"; expected {expected}" if expected else "")
    row = _row(check, ground, item.label, UNKNOWN, item.value, expected, item.source, origin, message=message)
    return dict(row, reason=reason)


def _row(
    check: Mapping[str, Any],
    ground: Ground,
    label: Optional[str],
    status: str,
    observed: Any = None,
    expected: Optional[str] = None,
    source: Optional[str] = None,
    origin: Optional[str] = None,
    count: int = 1,
    message: Optional[str] = None,
    reason: Optional[str] = None,
) -> Result:
    threshold = origin or check["source"]
    if message is None and status in (FAIL, UNKNOWN):
        unit = f" {check['unit']}" if "unit" in check else ""
        who = f"{label}: " if label else ""
        short = threshold.split(":")[0] if origin else threshold
        message = f"{who}{check['what']} is {say(observed)}{unit}, expected {expected}{unit} ({short})"
    return {
        "id": check["id"],
        "item": label,
        "items": count,
        "status": status,
        "severity": check["severity"],
        "phase": check["phase"],
        "observed": observed,
        "expected": expected,
        "message": message,
        "source": source,
        "threshold_from": threshold,
        "at": ground.at,
        "reason": reason,
    }


def _gathered(check: Mapping[str, Any], ground: Ground, rows: List[Result]) -> List[Result]:
    """Fold the items that pass into one row; those that do not keep a row each."""
    good = [row for row in rows if row["status"] == PASS]
    if len(good) < 2:
        return rows
    values: List[Any] = []
    for row in good:
        if row["observed"] not in values:
            values.append(row["observed"])
    observed = values[0] if len(values) == 1 else values
    first = good[0]
    folded = _row(
        check, ground, None, PASS, observed, first["expected"], first["source"],
        None if first["threshold_from"] == check["source"] else first["threshold_from"], len(good),
    )  # fmt: skip
    return [folded] + [row for row in rows if row["status"] != PASS]
