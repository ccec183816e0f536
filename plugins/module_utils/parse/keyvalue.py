# Copyright (c) 2026 the muster.fleet authors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Texts made of ``key=value`` or ``key: value`` lines, as the kernel, systemd and many tools print them."""

from __future__ import annotations

from typing import Dict, List


def pairs(text: str, separator: str = "=") -> Dict[str, str]:
    """Return key -> value of every line that has the separator; blanks and one pair of quotes around a value go."""
    found: Dict[str, str] = {}
    for line in text.splitlines():
        key, parted, value = line.partition(separator)
        if parted and not key.lstrip().startswith("#"):
            found[key.strip()] = unquoted(value.strip())
    return found


def unquoted(value: str) -> str:
    """Return a value without the pair of quotes around it."""
    return value[1:-1] if len(value) > 1 and value[0] == value[-1] and value[0] in "\"'" else value


def blocks(text: str, separator: str = "=") -> List[Dict[str, str]]:
    """Return one mapping for each paragraph (``systemctl show`` of several units)."""
    return [found for found in (pairs(part, separator) for part in text.split("\n\n")) if found]
