# Copyright (c) 2026 the muster.fleet authors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Times as they are written down, and which boot this is."""

from __future__ import annotations

import secrets
import time

BOOT = "/proc/sys/kernel/random/boot_id"


def now(later_s: float = 0.0) -> str:
    """Return the time in UTC, ``later_s`` seconds from now."""
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(time.time() + later_s))


def boot() -> str:
    """Return the name of this boot; the monotonic clock counts within one boot only."""
    try:
        with open(BOOT, encoding="ascii") as handle:
            return handle.read().strip()
    except OSError:
        return "unknown"


def release_id() -> str:
    """Return a new name for a release: when, and four hexadecimal digits."""
    return f"{time.strftime('%Y%m%dT%H%M%SZ', time.gmtime())}-{secrets.token_hex(2)}"
