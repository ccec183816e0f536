# Copyright (c) 2026 the muster.fleet authors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Whether a check is for this machine, and which things it is for. Three-valued: yes, no, or not to be known."""

from __future__ import annotations

from typing import Any, List, Mapping, Optional, Tuple

from .catalogue import conditions
from .context import Ground, because, layer, operand
from .operators import HOLD_OF_NOTHING, OPERATORS, say, say_expected
from .paths import Item, around, is_missing, look
from .results import NOT_APPLICABLE, UNKNOWN

Reason = Tuple[str, str]  # a status, and why


def skip_reason(check: Mapping[str, Any], ground: Ground) -> Optional[Reason]:
    """Return why a check is not applicable, or cannot be known to be applicable.

    One condition that does not hold decides, whatever is unknown of the others.
    """
    found = [state for condition in conditions(check) for state in [_condition(condition, ground)] if state]
    ruled_out = [state for state in found if state[0] == NOT_APPLICABLE]
    ruled_out = ruled_out or _taken_back(check, ground) or _names_nothing(check, ground)
    return next(iter(ruled_out or found), None)


def _condition(condition: Mapping[str, Any], ground: Ground) -> Optional[Reason]:
    side, path = next((key, condition[key]) for key in ("profile", "fact") if key in condition)
    value = look(ground.profile["values"] if side == "profile" else ground.facts, path)
    name = f"profile {ground.profile['name']}" if side == "profile" else "this machine"
    if "defined" in condition:
        nothing = value is None or (side == "profile" and value == [])
        if nothing == condition["defined"]:
            state = "states" if not nothing else "states no" if value is None else "names nothing in"
            return NOT_APPLICABLE, f"{name} {state} {path}"
        return None
    if side == "profile" and value is None and layer(look(ground.profile.get("layers"), path)):
        return NOT_APPLICABLE, f"{layer(look(ground.profile['layers'], path))} asks for no {path}"
    if value is None or (side == "fact" and is_missing(value)):
        return UNKNOWN, f"{name} {'states no' if side == 'profile' else 'shows no'} {path}" + because(ground, path)
    for operator, stated in condition.items():
        if operator not in OPERATORS:
            continue
        known = operand(stated, None, ground)
        try:
            holds = known.missing is None and OPERATORS[operator].holds(value, known.value)
        except (TypeError, ValueError, IndexError) as error:
            return UNKNOWN, f"{name}: {path}: {error}"
        if known.missing:
            return UNKNOWN, f"{name}: {known.missing}"
        if not holds:
            meant = say_expected(operator, known.value)
            return NOT_APPLICABLE, f"{name}: {path} is {say(value)}, this check is for {meant}"
    return None


def _taken_back(check: Mapping[str, Any], ground: Ground) -> List[Reason]:
    """Return why a check is not applicable whose threshold a layer of the profile takes back with ``null``."""
    found = []
    for stated in (check.get("expect") or {}).values():
        for part in stated if isinstance(stated, list) else [stated]:
            path = part[8:] if isinstance(part, str) and part.startswith("profile.") else None
            if path and "[" not in path and look(ground.profile["values"], path) is None:
                took = layer(look(ground.profile.get("layers"), path))
                found += [(NOT_APPLICABLE, f"{took} asks for no {path}")] if took else []
    return found


def _names_nothing(check: Mapping[str, Any], ground: Ground) -> List[Reason]:
    """Return why a check asks for nothing: what it holds a list against names nothing, and that anything fulfils."""
    found = []
    for operator in HOLD_OF_NOTHING:
        stated = check.get("expect", {}).get(operator)
        if isinstance(stated, str) and stated.startswith("profile.") and "[" not in stated:
            path = stated.split(".", 1)[1]
            if look(ground.profile["values"], path) in ([], {}):
                found.append((NOT_APPLICABLE, f"profile {ground.profile['name']} names nothing in {path}"))
    return found


def chosen(item: Item, where: Mapping[str, Any], ground: Ground) -> Any:
    """Return True when ``where`` means the item, False when not, and a text when that cannot be known.

    One part that does not hold decides, whatever is unknown of the others.
    """
    if where and item.missing and not item.around:
        return True  # nothing is there at all: the item itself already says so
    states = [_part_holds(item, path, wanted, ground) for path, wanted in where.items()]
    if False in states:
        return False
    return next((state for state in states if state is not True), True)


def _part_holds(item: Item, path: str, wanted: Any, ground: Ground) -> Any:
    value = around(item, path)
    if is_missing(value):
        return f"{path} has no value"
    for operator, stated in (wanted if isinstance(wanted, dict) else {"eq": wanted}).items():
        known = operand(stated, item, ground)
        if known.missing:
            return known.missing
        try:
            if not OPERATORS[operator].holds(value, known.value):
                return False
        except (TypeError, ValueError, IndexError) as error:
            return f"{path}: {error}"
    return True
