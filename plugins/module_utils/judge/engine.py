# Copyright (c) 2026 the muster.fleet authors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Judging: checks and facts and a profile in, results out. Pure, standard library, the same on controller and node.

What is missing is ``unknown``, never a pass: a fact without a value, an empty list behind ``[*]``, an expectation
that the profile does not state, two values that cannot be compared.
"""

from __future__ import annotations

from typing import Any, Dict, Iterable, List, Mapping, Optional

from . import waivers as waiving
from .applies import chosen, skip_reason
from .context import Ground, because
from .context import operand as operand_of
from .functions import FUNCTIONS
from .operators import OPERATORS, say, say_expected
from .paths import Item, items, never_written
from .results import FAIL, PASS, UNKNOWN, Result, phases, reached, verdict


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
    skipped = skip_reason(check, ground)
    if skipped:
        status, reason = skipped
        said = f"{check['what']} is unknown: {reason}" if status == UNKNOWN else None
        return [_row(check, ground, None, status, message=said, reason=reason)]
    try:
        rows = _by_function(check, ground) if "using" in check else _by_subject(check, ground)
    except Exception as error:  # a defect in a check must cost that check its answer, not the run
        reason = f"this check could not be judged: {type(error).__name__}: {error}"
        rows = [_row(check, ground, None, UNKNOWN, message=f"{check['what']} is unknown: {reason}", reason=reason)]
    return _gathered(check, ground, rows)


def unanswered(check: Mapping[str, Any], ground: Ground, reason: str) -> Result:
    """Return the row of a check whose facts were asked for and did not arrive: unknown, whatever its conditions."""
    said = f"{check['what']} is unknown: {reason}"
    return _row(check, ground, None, UNKNOWN, message=said, reason=reason)


def _by_subject(check: Mapping[str, Any], ground: Ground) -> List[Result]:
    found = items(ground.facts, check["subject"])
    states = [(item, chosen(item, check.get("where", {}), ground)) for item in found]
    kept = [(item, state) for item, state in states if state is not False]
    if not kept:
        reason = f"{check['subject']}: none of {len(found)} items is meant by this check"
        return [_row(check, ground, None, UNKNOWN, message=f"{check['what']} is unknown: {reason}", reason=reason)]
    if OPERATORS[next(iter(check["expect"]))].collective:
        return _together(check, ground, [item for item, unused in kept])
    return [_judge_item(check, ground, item if state is True else item._replace(missing=state)) for item, state in kept]


def _judge_item(check: Mapping[str, Any], ground: Ground, item: Item) -> Result:
    """Return the row of one item; an expectation that it does not meet decides, whatever is unknown of the others."""
    expected, origin = [], None
    status, trouble = PASS, item.missing
    for operator, stated in check["expect"].items():
        operand = operand_of(stated, item, ground)
        origin = operand.origin or origin
        if operand.missing:
            trouble = trouble or operand.missing
            continue
        expected.append((operator, operand.value))
        if item.missing is None:
            try:
                status = status if OPERATORS[operator].holds(item.value, operand.value) else FAIL
            except (TypeError, ValueError, IndexError) as error:
                trouble = trouble or str(error)
    said = " and ".join(say_expected(operator, value) for operator, value in expected)
    if trouble and status == PASS:
        return _unknown(check, ground, item, trouble, said or None, origin)
    return _row(check, ground, item.label, status, item.value, said, item.source, origin)


def _together(check: Mapping[str, Any], ground: Ground, found: List[Item]) -> List[Result]:
    """Return the row of all items beside each other; two known ones can decide, whatever is unknown of the others."""
    operator, operand = next(iter(check["expect"].items()))
    said = say_expected(operator, operand)
    known = [item for item in found if not _says_nothing(item, operator)]
    unknown = [item for item in found if _says_nothing(item, operator)]
    groups: Dict[str, List[str]] = {}
    for item in known:
        groups.setdefault(say(item.value), []).append(item.label or "?")
    if not OPERATORS[operator].holds([item.value for item in known], operand) and known:
        few = sorted(groups.items(), key=lambda pair: -len(pair[1]))
        shown = "; ".join(f"{value}: {', '.join(who[:8])}" for value, who in few)
        return [_row(check, ground, None, FAIL, shown, said, known[0].source, None, len(found))]
    if unknown:
        first = unknown[0]
        trouble = first.missing or f"{say(first.value)} is no value, it is what stands where none was written"
        return [_unknown(check, ground, first, trouble, said, None)]
    observed = known[0].value if len(groups) == 1 else list(groups)
    return [_row(check, ground, None, PASS, observed, said, found[0].source, None, len(found))]


def _says_nothing(item: Item, operator: str) -> bool:
    """Say whether an item cannot be held beside others: all can be wrong alike, all zero."""
    zero = operator == "same" and item.value == 0 and not isinstance(item.value, bool)
    return bool(item.missing) or zero or never_written(item.value)


def _by_function(check: Mapping[str, Any], ground: Ground) -> List[Result]:
    options = {key: operand_of(value, None, ground).value for key, value in check.get("with", {}).items()}
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


def _unknown(
    check: Mapping[str, Any], ground: Ground, item: Item, trouble: str, expected: Optional[str], origin: Optional[str]
) -> Result:
    state = next((entry["state_detail"] for entry in item.around if entry.get("state_detail")), None)
    reason = trouble + (
        f" ({state})" if state else because(ground, check.get("subject", "")) if check.get("subject") else ""
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
