# Copyright (c) 2026 the muster.fleet authors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Reads and replaces one value in a configuration file and leaves every other byte as it is.

Machines have no YAML library, so this knows what such files look like: ``key: value`` nested by indentation, or
``key=value``. A JSON file is read as JSON. A key that is there twice, or not at all, is an error.
"""

from __future__ import annotations

import json
import re
from typing import Any, List, NamedTuple, Tuple

LINE = re.compile(r"^(\s*)([\"']?)([A-Za-z0-9_-]+)\2(\s*[:=]\s*)(.*?)(\s+#.*)?$")


class _Found(NamedTuple):
    number: int
    before: str
    value: str
    after: str


def read(text: str, key: str, is_json: bool) -> str:
    """Return the value of a dotted key; raise ``ValueError``."""
    if is_json:
        return str(_inside(json.loads(text), key)[0])
    return _plain(_line(text, key).value)


def replaced(text: str, key: str, value: str, is_json: bool) -> str:
    """Return the text with another value for a dotted key; raise ``ValueError``."""
    if is_json:
        document = json.loads(text)
        unused, holder, last = _inside(document, key)
        holder[last] = value
        return json.dumps(document, indent=2) + "\n"
    found = _line(text, key)
    lines = text.split("\n")
    quote = found.value[:1] if found.value[:1] in ("'", '"') else ""
    lines[found.number] = f"{found.before}{quote}{value}{quote}{found.after}"
    return "\n".join(lines)


def _line(text: str, key: str) -> _Found:
    path: List[Tuple[int, str]] = []
    found = []
    for number, line in enumerate(text.split("\n")):
        told = LINE.match(line)
        if not told or line.lstrip().startswith("#"):
            continue
        indent = len(told.group(1))
        path = [entry for entry in path if entry[0] < indent] + [(indent, told.group(3))]
        if ".".join(name for unused, name in path) == key:
            found.append(_Found(number, line[: told.start(5)], told.group(5), told.group(6) or ""))
    if len(found) != 1 or found[0].value[:1] in ("", "|", ">", "&", "*", "{", "["):
        how = "is not there" if not found else "is there more than once" if len(found) > 1 else "has no plain value"
        raise ValueError(f"the key {key} {how}")
    return found[0]


def _plain(value: str) -> str:
    return value[1:-1] if len(value) > 1 and value[0] in "'\"" and value[-1] == value[0] else value


def _inside(document: Any, key: str) -> Tuple[Any, Any, str]:
    holder, last = document, key.rpartition(".")[2]
    for name in key.split(".")[:-1]:
        holder = holder.get(name) if isinstance(holder, dict) else None
    if not isinstance(holder, dict) or not isinstance(holder.get(last), str):
        raise ValueError(f"the key {key} is not there")
    return holder[last], holder, last
