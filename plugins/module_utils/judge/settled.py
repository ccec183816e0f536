# Copyright (c) 2026 the muster.fleet authors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What a profile alone decides of a check: asked once, not on every machine of a class."""

from __future__ import annotations

import itertools
from typing import Any, Mapping, Optional

from .catalogue import conditions
from .engine import Ground, judge_check
from .results import NOT_APPLICABLE, Result


def settled(check: Mapping[str, Any], profile: Mapping[str, Any]) -> Optional[Result]:
    """Return the row of a check that a profile rules out whatever the facts are, else ``None``.

    Kept with the check as ``settled`` it is the row of every machine, but for the time.
    """
    by_profile = list(itertools.takewhile(_asks_no_fact, conditions(check)))
    row = judge_check({**check, "applies": by_profile}, Ground({}, profile, ""))[0]
    return row if row["status"] == NOT_APPLICABLE else None


def _asks_no_fact(stated: Any) -> bool:
    if isinstance(stated, dict):
        return "fact" not in stated and all(map(_asks_no_fact, stated.values()))
    if isinstance(stated, list):
        return all(map(_asks_no_fact, stated))
    return not (isinstance(stated, str) and stated.startswith("fact."))
