# Copyright (c) 2026 the muster.fleet authors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The kernel's lists of CPUs and nodes: ``0-55,112-167``."""

from __future__ import annotations

import re
from typing import Iterable, List, Optional

LIST = re.compile(r"^\d+(-\d+)?(,\d+(-\d+)?)*$")
MOST = 1 << 16  # no Linux has more CPUs; a longer range is damage


def numbers(text: Optional[str]) -> Optional[List[int]]:
    """Return the numbers that a list names; ``[]`` for an empty list, ``None`` for what is not a list."""
    if text is None:
        return None
    text = text.strip(" \n\0")  # kernels before 3.0 end a list with a NUL
    if not text or not LIST.match(text):
        return None if text else []
    found: List[int] = []
    for part in text.split(","):
        first, _dash, last = part.partition("-")
        if int(last or first) - int(first) > MOST:
            return None
        found += range(int(first), int(last or first) + 1)
    return found


def written(values: Iterable[int]) -> str:
    """Return the shortest list that names these numbers."""
    runs: List[List[int]] = []
    for value in sorted(set(values)):
        if runs and runs[-1][1] == value - 1:
            runs[-1][1] = value
        else:
            runs.append([value, value])
    return ",".join(str(first) if first == last else f"{first}-{last}" for first, last in runs)
