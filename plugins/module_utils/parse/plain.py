# Copyright (c) 2026 the muster.fleet authors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Whether a text is one that a machine in the C locale writes."""

from __future__ import annotations

import re

_CONTROL = re.compile(r"[\x00-\x08\x0b\x0e-\x1f\x7f]")  # tab, line feed, form feed and carriage return are text


def not_plain(text: str) -> str:
    """Return why a text is none that a machine in the C locale writes; empty when it is one.

    Python takes the digits of every script for numbers: what holds such digits would be read, and wrongly compared.
    """
    if _CONTROL.search(text):
        return "not text: it holds control characters"
    if not text.isascii() and any(letter.isdecimal() and letter > "\x7f" for letter in text):
        return "not in the C locale: it holds digits of another script"
    return ""
