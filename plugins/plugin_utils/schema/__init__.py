# Copyright (c) 2026 the muster.fleet authors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What may be said where, declared as data: profile keys, facts, variables. What is not declared is refused."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Sequence
from pathlib import Path

import yaml

from ..files import ROLES, Loader

DECLARED = ROLES / "verify" / "files" / "schema"


def hint(name: str, known: Iterable[str], cutoff: float = 0.6) -> str:
    """Return ``; did you mean X?`` when a known name resembles ``name``, else nothing."""
    near = difflib.get_close_matches(name, list(known), 1, cutoff)
    return f"; did you mean {near[0]}?" if near else ""


def line_of(path: Path, keys: Sequence[str]) -> int:
    """Return the line (from 1) of the key that is reached by ``keys`` in a YAML file that was read before.

    Where a key is not there it is the line of the nearest one around it.
    """
    loader = Loader(path.read_text(encoding="utf-8"))
    try:
        node, line = loader.get_single_node(), 1
        for key in keys:
            pairs = node.value if isinstance(node, yaml.MappingNode) else []
            found = next(((name, value) for name, value in pairs if str(name.value) == key), None)
            if found is None:
                break
            line, node = found[0].start_mark.line + 1, found[1]
        return int(line)
    finally:
        loader.dispose()
