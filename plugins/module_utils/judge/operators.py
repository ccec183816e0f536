# Copyright (c) 2026 the muster.fleet authors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The closed vocabulary of expectations: what each operator means and how it is said in a message.

An operator that cannot compare what it is given raises ``TypeError`` or ``ValueError``: the result is then unknown.
"""

from __future__ import annotations

import re
from typing import Any, Callable, Dict, List, NamedTuple, Tuple

from .paths import is_missing


class Operator(NamedTuple):
    """``holds(observed, operand)``, how the operand is said, and whether all items are judged together."""

    holds: Callable[[Any, Any], bool]
    phrase: str
    collective: bool = False


def _number(value: Any) -> float:
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        raise TypeError(f"{value!r} is not a number")
    return value


def _list(value: Any) -> List[Any]:
    if not isinstance(value, (list, tuple)):
        raise TypeError(f"{value!r} is not a list")
    return list(value)


def _text(value: Any) -> str:
    if not isinstance(value, str):
        raise TypeError(f"{value!r} is not text")
    return value


def _same_kind(observed: Any, operand: Any) -> None:
    numbers = (int, float)
    alike = type(observed) is type(operand) or (
        isinstance(observed, numbers)
        and isinstance(operand, numbers)
        and not isinstance(observed, bool)
        and not isinstance(operand, bool)
    )
    if not alike:
        raise TypeError(f"{observed!r} cannot be compared with {operand!r}")


def _eq(observed: Any, operand: Any) -> bool:
    _same_kind(observed, operand)
    return bool(observed == operand)


def _among(observed: Any, operand: Any) -> bool:
    """Say whether a value is one of a list, or one of a mapping's keys."""
    return observed in (operand if isinstance(operand, dict) else _list(operand))


def _contains(observed: Any, operand: Any) -> bool:
    """Say whether a text or list holds something; a list that does not, but for a part that is unknown, may."""
    if isinstance(observed, str):
        return _text(operand) in observed
    if operand in _list(observed):
        return True
    _refuse_unknown(observed)
    return False


def _is_blank(part: Any) -> bool:
    """Say whether a part of a list has no value; in a list of words, "unknown" is a word that somebody said."""
    return is_missing(part) and str(part).strip().lower() != "unknown"


def _refuse_unknown(observed: Any) -> None:
    if any(_is_blank(part) for part in observed):
        raise ValueError("a part of the list has no value")


def _contains_all(observed: Any, operand: Any) -> bool:
    return all(_contains(observed, part) for part in _list(operand))


def _subset_of(observed: Any, operand: Any) -> bool:
    """Say whether nothing stands in a list but what may; one part too many decides, whatever else is unknown."""
    allowed = _list(operand)
    if not all(part in allowed for part in _list(observed) if not _is_blank(part)):
        return False
    _refuse_unknown(observed)
    return True


def version(value: Any) -> Tuple[Tuple[int, Any], ...]:
    """Return a version as something that compares: numbers by value, letters by alphabet ("580.105.08" > "580.95")."""
    parts = re.findall(r"\d+|[a-z]+", _text(value).lower())
    if not any(part.isdecimal() for part in parts):
        raise ValueError(f"{value!r} is not a version")
    return tuple((1, int(part)) if part.isdecimal() else (0, part) for part in parts)


def _within_percent(observed: Any, operand: Any) -> bool:
    expected, percent = (_number(part) for part in _list(operand))
    return abs(_number(observed) - expected) <= abs(expected) * percent / 100


def _between(observed: Any, operand: Any) -> bool:
    low, high = (_number(part) for part in _list(operand))
    return low <= _number(observed) <= high


def _empty(observed: Any, operand: Any) -> bool:
    if not isinstance(observed, (list, dict)):
        raise TypeError(f"{observed!r} is not a list")
    return (not observed) == operand


def _count(observed: Any) -> int:
    if not isinstance(observed, (list, dict)):
        raise TypeError(f"{observed!r} is not a list")
    return len(observed)


def _unique(observed: Any, operand: Any) -> bool:
    seen = [repr(value) for value in observed]
    return (len(set(seen)) == len(seen)) == operand


# What holds of everything when nothing is named: whoever asks for nothing is answered nothing.
HOLD_OF_NOTHING = ("contains_all", "lacks", "ne", "not_in")

OPERATORS: Dict[str, Operator] = {
    "eq": Operator(_eq, "{}"),
    "ne": Operator(lambda observed, operand: not _eq(observed, operand), "anything but {}"),
    "lt": Operator(lambda observed, operand: _number(observed) < _number(operand), "less than {}"),
    "le": Operator(lambda observed, operand: _number(observed) <= _number(operand), "at most {}"),
    "gt": Operator(lambda observed, operand: _number(observed) > _number(operand), "more than {}"),
    "ge": Operator(lambda observed, operand: _number(observed) >= _number(operand), "at least {}"),
    "between": Operator(_between, "between {}"),
    "within_percent": Operator(_within_percent, "within (value, percent) {}"),
    "in": Operator(_among, "one of {}"),
    "not_in": Operator(lambda observed, operand: not _among(observed, operand), "none of {}"),
    "contains": Operator(_contains, "to contain {}"),
    "lacks": Operator(lambda observed, operand: not _contains(observed, operand), "not to contain {}"),
    "contains_all": Operator(_contains_all, "to contain all of {}"),
    "subset_of": Operator(_subset_of, "nothing beyond {}"),
    "matches": Operator(
        lambda observed, operand: re.search(_text(operand), _text(observed)) is not None, "to match {}"
    ),
    "not_matches": Operator(
        lambda observed, operand: re.search(_text(operand), _text(observed)) is None, "not to match {}"
    ),
    "version_eq": Operator(lambda observed, operand: version(observed) == version(operand), "version {}"),
    "version_ge": Operator(lambda observed, operand: version(observed) >= version(operand), "version {} or newer"),
    "empty": Operator(_empty, "an empty list: {}"),
    "count": Operator(lambda observed, operand: _count(observed) == _number(operand), "{} entries"),
    "count_ge": Operator(lambda observed, operand: _count(observed) >= _number(operand), "at least {} entries"),
    "older_than_s": Operator(lambda observed, operand: _number(observed) > _number(operand), "older than {} s"),
    "newer_than_s": Operator(lambda observed, operand: _number(observed) < _number(operand), "newer than {} s"),
    "same": Operator(
        lambda observed, operand: (len({repr(value) for value in observed}) == 1) == operand,
        "the same everywhere: {}",
        True,
    ),
    "unique": Operator(_unique, "different everywhere: {}", True),
}


def say(value: Any) -> str:
    """Say a value as a person would read it."""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float):
        return f"{value:g}"
    if isinstance(value, (list, tuple)):
        return ", ".join(say(part) for part in value) if value else "nothing"
    if isinstance(value, dict):
        return ", ".join(f"{key}={say(part)}" for key, part in value.items()) if value else "nothing"
    return str(value)


def say_expected(operator: str, operand: Any) -> str:
    """Say what was expected."""
    if operator == "empty":
        return "none" if operand else "at least one"
    if operator == "same":
        return "the same everywhere" if operand else "not all the same"
    if operator == "unique":
        return "no two alike" if operand else "some alike"
    if operator == "between":
        low, high = operand
        return f"between {say(low)} and {say(high)}"
    if operator == "within_percent":
        value, percent = operand
        return f"within {say(percent)} % of {say(value)}"
    if operator in ("in", "not_in") and isinstance(operand, dict):
        operand = list(operand)
    return OPERATORS[operator].phrase.format(say(operand))
