# Copyright (c) 2026 the muster.fleet authors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What may be said where, declared as data: profile keys, facts, variables. What is not declared is refused."""

from __future__ import annotations

import difflib
from collections.abc import Iterable

from ..files import ROLES

DECLARED = ROLES / "verify" / "files" / "schema"


def hint(name: str, known: Iterable[str], cutoff: float = 0.6) -> str:
    """Return ``; did you mean X?`` when a known name resembles ``name``, else nothing."""
    near = difflib.get_close_matches(name, list(known), 1, cutoff)
    return f"; did you mean {near[0]}?" if near else ""
