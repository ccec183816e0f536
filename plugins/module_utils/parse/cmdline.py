# Copyright (c) 2026 the muster.fleet authors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The kernel's command line."""

from __future__ import annotations

import re
from typing import List

SECRET = re.compile(
    r"(^|[._-])(pass|password|passwd|passphrase|secret|token|credentials?|api_?key|luks\.key)([._-]|$)", re.IGNORECASE
)
HIDDEN = "***"


def words(text: str) -> List[str]:
    """Return the arguments in order; double quotes hold blanks together, as in the kernel's own parser."""
    return [concealed(word) for word in re.findall(r'(?:[^\s"]|"[^"]*"?)+', text)]


def concealed(word: str) -> str:
    """Return an argument without the value where its name says that the value is a secret."""
    name, parted, _value = word.partition("=")
    hides = (parted and SECRET.search(name)) or re.search(r"://[^/@\s]+:[^/@\s]+@", word)
    return f"{name}={HIDDEN}" if hides else word
