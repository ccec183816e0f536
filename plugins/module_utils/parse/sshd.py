# Copyright (c) 2026 the muster.fleet authors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The SSH daemon's settings, as ``sshd -T`` prints them and as sshd_config states them."""

from __future__ import annotations

import fnmatch
import re
from typing import Callable, Dict, List, Sequence

DEPTH = 4  # Include files that include files


def effective(text: str) -> Dict[str, str]:
    """Return ``sshd -T``: keyword in lower case -> value; keywords that come several times are joined by blanks."""
    found: Dict[str, str] = {}
    for line in text.splitlines():
        keyword, _blank, value = line.strip().partition(" ")
        if keyword:
            found[keyword] = f"{found[keyword]} {value}" if keyword in found else value
    return found


def stated(text: str, included: Callable[[str], Sequence[str]], depth: int = 0) -> Dict[str, str]:
    """Return what sshd_config states for every connection: the first word wins, ``Match`` blocks are left out.

    ``included(pattern)`` returns the texts of the files that an ``Include`` names.
    """
    found: Dict[str, str] = {}
    for line in text.splitlines():
        match = re.match(r"^\s*([A-Za-z]\w*)(?:\s+|\s*=\s*)(.+?)\s*$", line)
        if not match:
            continue
        keyword, value = match[1].lower(), match[2].strip('"')
        if keyword == "match":
            break  # what follows holds for some connections only
        if keyword == "include" and depth < DEPTH:
            for pattern in value.split():
                for inner in included(pattern):
                    found = {**stated(inner, included, depth + 1), **found}
        elif keyword != "include":
            found.setdefault(keyword, value)
    return found


def matching(names: Sequence[str], pattern: str) -> List[str]:
    """Return the names that an ``Include`` pattern takes, in the order in which sshd reads them."""
    return sorted(name for name in names if fnmatch.fnmatchcase(name, pattern))
