# Copyright (c) 2026 the muster.fleet authors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The types that a declaration may name, and what is wrong with a value that is not of its type."""

from __future__ import annotations

import ipaddress
import math
import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any, NamedTuple

from ...module_utils.judge.operators import version
from . import hint

Problem = tuple[tuple[str, ...], str]  # the keys that lead to it from the value, and what is wrong there


class Declaration(NamedTuple):
    """What a key may hold. ``fields`` of a ``record`` or of ``entries`` are name to type, with ``!`` where required."""

    type: str
    means: str
    unit: str | None = None
    choices: tuple[str, ...] | None = None
    fields: Mapping[str, str] | None = None
    keys: str | None = None


def _boolean(value: Any) -> str:
    return "" if isinstance(value, bool) else "yes or no is expected"


def _integer(value: Any) -> str:
    whole = isinstance(value, int) and not isinstance(value, bool) and value >= 0
    return "" if whole else "a whole number from 0 is expected"


def _number(value: Any) -> str:
    real = isinstance(value, (int, float)) and not isinstance(value, bool) and math.isfinite(value) and value >= 0
    return "" if real else "a number from 0 is expected"


def _text(value: Any) -> str:
    if isinstance(value, str):
        return "" if value.strip() else "a text is expected, this one is empty"
    return "a text is expected (in quotes, else YAML takes it for something else)"


def _version(value: Any) -> str:
    wrong = _text(value)
    try:
        return wrong if wrong or version(value) else "no version"
    except ValueError as error:
        return str(error)


def _pattern(value: Any) -> str:
    if wrong := _text(value):
        return wrong
    try:
        everything = re.search(value, "") is not None
    except re.error as error:
        return f"not a regular expression: {error}"
    return "it matches everything, even nothing; leave it out where anything may stand" if everything else ""


_ADDRESS = re.compile(r"(?:\[(?P<ipv6>[^\[\]]*)\]|(?P<name>[\w.-]+))(?::(?P<port>[0-9]{1,5}))?")
_URL = re.compile(r"https?://")


def _address(value: Any) -> str:
    if wrong := _text(value):
        return wrong
    found = _ADDRESS.fullmatch(value)
    return "HOST:PORT or [IPV6]:PORT is expected" if not found or not found["port"] else _place(found)


def _server(value: Any) -> str:
    """Say what is wrong with the place of an HTTP server: a URL without a path, or an address."""
    if wrong := _text(value):
        return wrong
    found, is_url = _ADDRESS.fullmatch(_URL.sub("", value, count=1)), _URL.match(value)
    if not found or not (found["port"] or is_url):
        return "http://HOST:PORT, https://HOST:PORT or HOST:PORT is expected, without a path"
    return _place(found)


def _place(found: re.Match[str]) -> str:
    if found["port"] and not 1 <= int(found["port"]) <= 65535:
        return f"{found['port']} is no port; ports are 1 to 65535"
    name = found["name"]
    try:
        if name is None:
            ipaddress.IPv6Address(found["ipv6"])
            return ""
        if re.fullmatch(r"[0-9.]+", name):
            ipaddress.IPv4Address(name)
            return ""
    except ValueError as error:
        return str(error)
    labels = name.removesuffix(".").split(".")
    good = all(0 < len(label) <= 63 and not label.startswith("-") and not label.endswith("-") for label in labels)
    return "" if good else f"{name!r} is no host name"


SCALARS: dict[str, Callable[[Any], str]] = {
    "address": _address,
    "any": lambda value: "a value is expected" if value is None or isinstance(value, (list, dict)) else "",
    "boolean": _boolean,
    "integer": _integer,
    "number": _number,
    "pattern": _pattern,
    "server": _server,
    "text": _text,
    "version": _version,
}


def problems(value: Any, declared: Declaration) -> Iterator[Problem]:
    """Yield what is wrong with a value. ``None`` is right everywhere: the key is not asked for."""
    if value is None:
        return
    if declared.type == "entries":
        yield from _entries(value, declared)
    elif declared.type == "record":
        yield from _keyed(value, declared) if declared.keys else _record(value, declared.fields or {})
    else:
        yield from _typed(value, declared.type)
        yield from _limits(value, declared)


def _limits(value: Any, declared: Declaration) -> Iterator[Problem]:
    if declared.choices and isinstance(value, str) and value not in declared.choices:
        yield (), f"{value!r} is none of {', '.join(declared.choices)}{hint(value, declared.choices)}"
    if declared.unit == "percent" and isinstance(value, (int, float)) and value > 100:
        yield (), f"{value!r} is more than 100 percent"


def _typed(value: Any, kind: str) -> Iterator[Problem]:
    if kind.startswith("list of "):
        yield from _list(value, kind.removeprefix("list of "))
    elif kind.startswith("mapping of "):
        yield from _mapping(value, kind.removeprefix("mapping of "))
    elif wrong := SCALARS[kind](value):
        yield (), f"{value!r}: {wrong}"


def _list(value: Any, kind: str) -> Iterator[Problem]:
    if not isinstance(value, list):
        yield (), f"a list is expected, not {value!r}"
        return
    for part in value:
        for keys, wrong in _typed(part, kind):
            yield keys, f"in its list: {wrong}"


def _mapping(value: Any, kind: str) -> Iterator[Problem]:
    if not isinstance(value, dict):
        yield (), f"a mapping is expected, not {value!r}"
        return
    for key, part in value.items():
        for keys, wrong in _typed(part, kind):
            yield (str(key), *keys), wrong


def _entries(value: Any, declared: Declaration) -> Iterator[Problem]:
    if not isinstance(value, list):
        yield (), f"a list of entries is expected, not {value!r}"
        return
    for number, entry in enumerate(value, 1):
        for keys, wrong in _record(entry, declared.fields or {}):
            yield (), f"entry {number}: {': '.join([*keys, wrong])}"


def _keyed(value: Any, declared: Declaration) -> Iterator[Problem]:
    if not isinstance(value, dict):
        yield (), f"a mapping is expected, not {value!r}"
        return
    for key, part in value.items():
        for keys, wrong in _record(part, declared.fields or {}):
            yield (str(key), *keys), wrong


def _record(value: Any, fields: Mapping[str, str]) -> Iterator[Problem]:
    if not isinstance(value, dict):
        yield (), f"a mapping is expected, not {value!r}"
        return
    for key, part in value.items():
        if key not in fields:
            yield (str(key),), f"unknown key{hint(str(key), fields)}; known are {', '.join(fields)}"
        elif part is not None:
            for keys, wrong in _typed(part, fields[key].rstrip("!")):
                yield (str(key), *keys), wrong
    for key, kind in fields.items():
        if kind.endswith("!") and value.get(key) is None:
            yield (), f"{key} is missing"
