# Copyright (c) 2026 the muster.fleet authors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Finding what a check speaks of: ``gpu.devices[*].pcie.width`` in facts, ``gpu.pcie_width`` in a profile.

A path is names parted by dots. ``[*]`` takes every item of a list or every value of a mapping, ``[key]`` one value
whose key may hold dots, ``[item.name]`` (in references only) the value whose key the judged item holds, and
``[@]`` the key under which the judged item itself was found.
"""

from __future__ import annotations

import functools
import re
from typing import Any, Iterator, List, Mapping, NamedTuple, Optional, Tuple

TOKEN = re.compile(r"\[([^\]]*)\]|([^.\[\]]+)")
EVERY = "*"
NEVER_WRITTEN = re.compile(r"^(0x)?(0[0 .:_-]*|[fF]{4}[fF .:_-]*)$")
PLACEHOLDERS = frozenset(
    ["", "-", "--", "n/a", "[n/a]", "na", "nan", "not available", "not supported", "[not supported]"]
    + [
        "unknown",
        "[unknown]",
        "unknown error",
        "[unknown error]",
        "gpu is lost",
        "[gpu is lost]",
        "requested functionality has been deprecated",
    ]
)


class Item(NamedTuple):
    """One thing that a check speaks of; ``around`` holds the mappings it stands in, the innermost first."""

    label: Optional[str]
    value: Any
    key: Optional[str]
    around: Tuple[Mapping[str, Any], ...]
    source: Optional[str]
    missing: Optional[str]


def tokens(path: str) -> Tuple[str, ...]:
    """Split a path into its names; raise ``ValueError`` for what is not a path."""
    found = _split(path)
    if not all(found) or re.sub(TOKEN, "", path).strip("."):
        raise ValueError(f"not a path: {path!r}")
    return found


@functools.cache
def _split(path: str) -> Tuple[str, ...]:
    """Split a path that was found good when the catalogue was loaded."""
    if "[" not in path:
        return tuple(path.split("."))
    return tuple(bracket or name for bracket, name in TOKEN.findall(path))


def is_missing(value: Any) -> bool:
    """Say whether a value says nothing: None, not a number, or a text that stands for "no answer"."""
    if isinstance(value, str):
        return value.strip().lower() in PLACEHOLDERS
    return value is None or (isinstance(value, float) and value != value)


def never_written(value: Any) -> bool:
    """Say whether a text is what stands where no value was written: an identifier of zeros only, or of F only."""
    return isinstance(value, str) and NEVER_WRITTEN.match(value.strip()) is not None


def items(facts: Mapping[str, Any], subject: str) -> List[Item]:
    """Return everything a subject speaks of; what is not there is an item that says why."""
    return list(_walk(facts, _split(subject), (), (), None, None, ""))


def _walk(
    value: Any,
    rest: Tuple[str, ...],
    labels: Tuple[str, ...],
    around: Tuple[Mapping[str, Any], ...],
    source: Optional[str],
    key: Optional[str],
    path: str,
) -> Iterator[Item]:
    if isinstance(value, dict):
        around = (value,) + around
        source = value["source"] if isinstance(value.get("source"), str) else source
    if not rest:
        missing = f"{path} has no value" if is_missing(value) else None
        yield Item(" ".join(labels) or None, value, key, around, source, missing)
    elif rest[0] == EVERY:
        yield from _every(value, rest[1:], labels, around, source, path)
    elif isinstance(value, dict) and value.get(rest[0]) is not None:
        inner = f"{path}.{rest[0]}" if path else rest[0]
        yield from _walk(value[rest[0]], rest[1:], labels, around, source, rest[0], inner)
    else:
        wanted = f"{path}.{rest[0]}" if path else rest[0]
        yield Item(" ".join(labels) or None, None, None, around, source, f"{wanted} has no value")


def _every(
    value: Any,
    rest: Tuple[str, ...],
    labels: Tuple[str, ...],
    around: Tuple[Mapping[str, Any], ...],
    source: Optional[str],
    path: str,
) -> Iterator[Item]:
    pairs = (
        list(value.items()) if isinstance(value, dict) else list(enumerate(value)) if isinstance(value, list) else []
    )
    if not pairs:
        reason = f"{path} is empty: there is nothing to judge" if value in ([], {}) else f"{path} is not a list"
        yield Item(" ".join(labels) or None, None, None, around, source, reason)
    for key, entry in pairs:
        name = entry.get("label") if isinstance(entry, dict) else None
        if name is None:
            name = str(key) if isinstance(value, dict) else entry if isinstance(entry, str) else f"{path}[{key}]"
        yield from _walk(entry, rest, (*labels, str(name)), around, source, str(key), path)


def look(tree: Any, path: str, item: Optional[Item] = None) -> Any:
    """Return the value at a path without ``[*]``, or ``None``."""
    for token in _split(path):
        if item is not None and token.startswith("item."):
            token = str(around(item, token[5:]))
        elif item is not None and token == "@":
            token = item.key or ""
        if not isinstance(tree, dict):
            return None
        tree = tree.get(token)
    return tree


def around(item: Item, path: str) -> Any:
    """Return a value beside the judged one: from the innermost mapping that knows the path's first name."""
    first = _split(path)[0]
    for mapping in item.around:
        if first in mapping:
            return look(mapping, path)
    return None
