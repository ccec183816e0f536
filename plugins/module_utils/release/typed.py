# Copyright (c) 2026 the muster.fleet authors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Plain data into dataclasses: the annotations are the schema, and everything that is wrong is said at once."""

from __future__ import annotations

import dataclasses
import difflib
import re
import typing
from typing import Any, List, Mapping, Optional, Sequence, Tuple

NAMES = {
    str: "a text",
    int: "a whole number",
    float: "a number",
    bool: "true or false",
    dict: "a mapping",
    list: "a list",
}


def setting(default: Any = dataclasses.MISSING, **rules: Any) -> Any:
    """Declare a key. Rules: ``choices``, ``pattern`` (of the whole text) with ``like`` (an example), ``least``.

    A list or dict as default is copied for each object.
    """
    if isinstance(default, (list, dict)):
        return dataclasses.field(default_factory=default.copy, metadata=rules)
    return dataclasses.field(default=default, metadata=rules)


def load(cls: Any, data: Any, where: str, problems: List[str]) -> Any:
    """Return an object of the dataclass ``cls``, or ``None`` after adding what is wrong to ``problems``.

    ``where`` is the path of ``data`` that the messages name, such as ``gate.http``.
    """
    if not isinstance(data, Mapping):
        problems.append(_told(where, f"must be a mapping, not {_kind(data)}"))
        return None
    before = len(problems)
    problems += _no_texts(data, where)
    fields = {field.name: field for field in dataclasses.fields(cls) if field.init}
    hints = typing.get_type_hints(cls)
    strange = [key for key in data if isinstance(key, str) and key not in fields]
    problems += [_told(_join(where, key), "unknown key" + _suggestion(key, list(fields))) for key in strange]
    values = {}
    for name, field in fields.items():
        place = _join(where, name)
        if name in data and not (data[name] is None and _optional(hints[name])):
            values[name] = _value(hints[name], data[name], place, field.metadata, problems)
        elif field.default is dataclasses.MISSING and field.default_factory is dataclasses.MISSING:
            problems.append(_told(place, "is missing"))
    return cls(**values) if len(problems) == before else None


def plain(thing: Any) -> Any:
    """Return an object as the data that :func:`load` takes, without keys that were left at ``None``."""
    return {key: value for key, value in dataclasses.asdict(thing).items() if value is not None}


def _value(hint: Any, value: Any, place: str, rules: Mapping[str, Any], problems: List[str]) -> Any:
    hint = _without_none(hint)
    origin, arguments = typing.get_origin(hint), typing.get_args(hint)
    if dataclasses.is_dataclass(hint):
        return load(hint, value, place, problems)
    if origin is list:
        return _list(arguments[0], value, place, rules, problems)
    if origin is dict:
        return _dict(arguments[1], value, place, rules, problems)
    choices = arguments if origin is typing.Union else (hint,)
    if not _fits(value, choices):
        listed = next((item for item in choices if typing.get_origin(item) is list), None)
        if listed and isinstance(value, list):
            return _value(listed, value, place, {}, problems)
        quotes = ": write it in quotes, as it is meant" if _would_be_text(value, choices) else ""
        problems.append(_told(place, f"must be {_either(choices)}, not {_kind(value)}{quotes}"))
        return None
    problems += [_told(place, wrong) for wrong in _broken(value, rules)]
    return float(value) if hint is float else value


def _list(item: Any, value: Any, place: str, rules: Mapping[str, Any], problems: List[str]) -> Any:
    if not isinstance(value, list):
        problems.append(_told(place, f"must be a list, not {_kind(value)}"))
        return None
    return [_value(item, entry, f"{place}[{number}]", rules, problems) for number, entry in enumerate(value)]


def _dict(item: Any, value: Any, place: str, rules: Mapping[str, Any], problems: List[str]) -> Any:
    if not isinstance(value, Mapping):
        problems.append(_told(place, f"must be a mapping, not {_kind(value)}"))
        return None
    named = rules.get("keys")
    problems += _no_texts(value, place)
    problems += [
        _told(_join(place, key), "is no name that can be used here")
        for key in value
        if named and isinstance(key, str) and not re.fullmatch(named, key)
    ]
    return {str(key): _value(item, entry, _join(place, str(key)), {}, problems) for key, entry in value.items()}


def _no_texts(data: Mapping[Any, Any], place: str) -> List[str]:
    """Return which keys are no texts: YAML makes true of ``YES`` and 8 of ``010``, which would be another name."""
    return [
        _told(
            _join(place, str(key).lower() if isinstance(key, bool) else str(key)),
            f"this key is {_kind(key)}, not a text: write the name in quotes, as it is meant",
        )
        for key in data
        if not isinstance(key, str)
    ]


def _broken(value: Any, rules: Mapping[str, Any]) -> List[str]:
    """Return which rules a value of the right type breaks. The value itself is told only where it can be no secret."""
    if "choices" in rules and value not in rules["choices"]:
        return [
            f"must be one of {', '.join(rules['choices'])}, not '{value}'" + _suggestion(str(value), rules["choices"])
        ]
    if "pattern" in rules and isinstance(value, str) and not re.fullmatch(rules["pattern"], value):
        return [f"'{value}' is not like {rules['like']}"]
    if "least" in rules and isinstance(value, (int, float)) and value < rules["least"]:
        return [f"must be at least {rules['least']}, not {value}"]
    return []


def _fits(value: Any, choices: Sequence[Any]) -> bool:
    if isinstance(value, bool):
        return bool in choices
    return any(
        (choice is float and isinstance(value, (int, float)))
        or (isinstance(choice, type) and isinstance(value, choice))
        for choice in choices
        if typing.get_origin(choice) is None
    )


def _would_be_text(value: Any, choices: Sequence[Any]) -> bool:
    return str in choices and not isinstance(value, (list, tuple, Mapping)) and value is not None


def _either(choices: Sequence[Any]) -> str:
    return " or ".join(NAMES.get(typing.get_origin(choice) or choice, str(choice)) for choice in choices)


def _kind(value: Any) -> str:
    return next(
        (name for kind, name in NAMES.items() if type(value) is kind),
        "nothing" if value is None else type(value).__name__,
    )


def _optional(hint: Any) -> bool:
    return type(None) in typing.get_args(hint)


def _without_none(hint: Any) -> Any:
    if not _optional(hint):
        return hint
    left: Tuple[Any, ...] = tuple(item for item in typing.get_args(hint) if item is not type(None))
    return typing.Union[left]


def _join(where: str, key: str) -> str:
    return f"{where}.{key}" if where else key


def _told(place: str, wrong: str) -> str:
    return f"{place}: {wrong}" if place else wrong


def _suggestion(key: str, known: Sequence[str]) -> str:
    near: Optional[List[str]] = difflib.get_close_matches(key, known, 1)
    return f", did you mean {near[0]}?" if near else f" (known: {', '.join(known)})"
