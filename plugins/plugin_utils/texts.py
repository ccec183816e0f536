# Copyright (c) 2026 the muster.fleet authors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Text stays text: what YAML made a number, a date or a truth value of is refused before it is made text again.

``1.10`` without quotes is the number 1.1, ``007`` is 7, ``yes`` is true. AWX writes the answers of a survey without
quotes, so quotes around an answer are taken as what they are, and a tag may be written ``tag:1.10``.
"""

from __future__ import annotations

import datetime
from collections.abc import Iterator, Mapping
from typing import Any

TEXT = ("str", "path")
NUMBERS = ("int", "float")
TAG = "tag:"
DATES = frozenset(["expires"])  # options that are a day: YAML's own day is one
KINDS = ((bool, "true or false"), (int, "a number"), (float, "a number"), (datetime.date, "a date"))


def wrong(name: str, option: str, value: Any, spec: Mapping[str, Any]) -> Iterator[str]:
    """Yield what is wrong with the type of an option's value, with what to write instead.

    ``name`` is the variable that the user set, ``spec`` the option's entry in an argument spec.
    """
    kind = spec.get("type", "str")
    if kind == "list" and spec.get("elements") in TEXT:
        entries = value if isinstance(value, (list, tuple)) else [value]
        for number, entry in enumerate(entries):
            place = f"{name}[{number}]" if isinstance(value, (list, tuple)) else name
            yield from wrong(place, option, entry, {**spec, "type": spec["elements"]})
    elif kind in NUMBERS and isinstance(value, bool):
        yield f"{name} is {str(value).lower()}, and must be a number: write {name}: 1"
    elif kind in TEXT and not isinstance(value, str) and not _is_day(option, value):
        yield _told(name, option, value, bool(spec.get("no_log")))


def _told(name: str, option: str, value: Any, secret: bool) -> str:
    kind = next((word for known, word in KINDS if isinstance(value, known)), f"a {type(value).__name__}")
    if kind.endswith(("list", "dict", "mapping")):
        return f"{name} is {kind}, and must be a text"
    seen = "" if secret else f" ({value})"
    shown = "..." if secret else str(value).lower() if isinstance(value, bool) else str(value)
    more = f", or {name}: {TAG}{shown}" if option in ("tag", "from") else ""
    return (
        f"{name} is {kind}{seen} and must be a text: YAML reads what is not in quotes as a number, a date or true, and "
        f'drops what it takes for noise (1.10 is 1.1, 007 is 7). Write it in quotes as it is meant, {name}: "{shown}", '
        f"in an AWX survey with the quotes as part of the answer{more}"
    )


def _is_day(option: str, value: Any) -> bool:
    return option in DATES and isinstance(value, datetime.date) and not isinstance(value, datetime.datetime)


def bare(value: Any, spec: Mapping[str, Any]) -> Any:
    """Return a text without the quotes that were written to keep it one; a secret is left as it is."""
    if spec.get("no_log"):
        return value
    if isinstance(value, (list, tuple)) and spec.get("elements") in TEXT:
        return [_unquoted(entry) for entry in value]
    return _unquoted(value) if spec.get("type", "str") in TEXT else value


def _unquoted(value: Any) -> Any:
    quoted = isinstance(value, str) and len(value) > 1 and value[0] == value[-1] and value[0] in "\"'"
    return value[1:-1] if quoted else value


def tag(value: str) -> str:
    """Return a tag without the word that keeps YAML from reading it as a number."""
    return value.removeprefix(TAG)
