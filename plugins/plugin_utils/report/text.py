# Copyright (c) 2026 the muster.fleet authors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Text that came from machines, made harmless and short before it goes into any report."""

from __future__ import annotations

import functools
import json
import math
import re
from typing import Any

# Control characters move a terminal's cursor and break XML; bidirectional overrides reorder what is read.
UNSAFE = re.compile("[\\x00-\\x08\\x0b-\\x1f\\x7f-\\x9f\\u202a-\\u202e\\u2066-\\u2069\\ud800-\\udfff\\ufffe\\uffff]")
_PLAIN = frozenset((str, int, bool, type(None)))  # a big run is mostly these
_NATURAL = re.compile(r"(\d+)")


def plain(value: object, limit: int = 2000) -> str:
    """One line of printable text: control characters dropped, white space folded, cut at ``limit`` characters."""
    return _plain(value if type(value) is str else shown(value), limit)


@functools.lru_cache(maxsize=1 << 16)  # the hosts of a rack say mostly the same
def _plain(text: str, limit: int) -> str:
    text = " ".join(UNSAFE.sub("", text).split())
    return text if len(text) <= limit else text[: limit - 1] + "\u2026"


def shown(value: object) -> str:
    """A value as people read it: nothing for None, yes or no for a truth value, JSON for what is nested."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, (dict, list, tuple)):
        return json.dumps(value, ensure_ascii=False, default=str, sort_keys=True)
    return str(value)


def clean(value: Any) -> Any:
    """A copy that JSON can hold: plain types only, keys as text, numbers that are not finite as text."""
    if isinstance(value, dict):
        return {str(key): item if type(item) in _PLAIN else clean(item) for key, item in value.items()}
    if isinstance(value, (list, tuple, set, frozenset)):
        return [item if type(item) in _PLAIN else clean(item) for item in value]
    if value is None or isinstance(value, (bool, int)):
        return value
    if isinstance(value, float):
        return value if math.isfinite(value) else str(value)
    return str(value)


def natural(value: object) -> list[tuple[int, int, str]]:
    """Sort key that puts node-2 before node-10, and numbers before words."""
    parts = (part for part in _NATURAL.split(shown(value)) if part)
    return [(0, int(part), "") if part.isdecimal() else (1, 0, part.lower()) for part in parts]
