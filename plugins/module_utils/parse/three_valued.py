# Copyright (c) 2026 the muster.fleet authors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Yes, no and unknown put together: what is partly unknown is unknown, unless the known parts already decide it.

Whatever is neither ``True`` nor ``False`` counts as unknown; nothing at all is unknown as well.
"""

from __future__ import annotations

from typing import Any, Iterable, Optional


def any_of(values: Iterable[Any]) -> Optional[bool]:
    """Return yes when one is, no when every one is known to be no, else ``None``."""
    found = list(values)
    if any(value is True for value in found):
        return True
    return False if found and all(value is False for value in found) else None


def all_of(values: Iterable[Any]) -> Optional[bool]:
    """Return no when one is, yes when every one is known to be yes, else ``None``."""
    found = list(values)
    if any(value is False for value in found):
        return False
    return True if found and all(value is True for value in found) else None
