# Copyright (c) 2026 the muster.fleet authors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Which layer of a profile states a value: hardware, a baseline, a site; and what one of them takes back."""

from __future__ import annotations

from typing import Any, Mapping, Optional, Tuple

from .paths import Item, look
from .results import NOT_APPLICABLE

REFERENCE = "profile."


def layer(profile: Mapping[str, Any], path: str, item: Optional[Item] = None) -> Optional[str]:
    """Name the layer of a profile's value ("site a01"), or the layers of one that several state parts of."""
    return _named(look(profile.get("layers"), path, item))


def _named(stated: Any) -> Optional[str]:
    if isinstance(stated, dict):
        return " and ".join(sorted({name for name in map(_named, stated.values()) if name})) or None
    return stated if isinstance(stated, str) else None


def taken_back(check: Mapping[str, Any], profile: Mapping[str, Any]) -> Optional[Tuple[str, str]]:
    """Return status and reason of a check whose threshold a layer takes back with ``null``, else ``None``."""
    for stated in (check.get("expect") or {}).values():
        for operand in stated if isinstance(stated, list) else [stated]:
            path = operand[len(REFERENCE) :] if isinstance(operand, str) and operand.startswith(REFERENCE) else "["
            if "[" not in path and look(profile["values"], path) is None and layer(profile, path):
                return NOT_APPLICABLE, f"{layer(profile, path)} asks for no {path}"
    return None
