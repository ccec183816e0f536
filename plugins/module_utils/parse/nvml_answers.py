# Copyright (c) 2026 the muster.fleet authors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Reads single answers out of a transcript of NVML."""

from __future__ import annotations

from typing import Any, Mapping, Optional

from ..nvml_calls import FIELDS, LINK_FIELDS, field_key
from ..nvml_codes import DEPRECATED, FUNCTION_NOT_FOUND, NOT_SUPPORTED, code_of

UNASKED = ("BINDING_LACKS", "NEVER_ASKED")
SINCE = (
    "nvmlDeviceGetApplicationsClock(1)",
    "nvmlDeviceGetInforomConfigurationChecksum",
    "nvmlDeviceGetUnrepairableMemoryFlag_v1",
)
REFUSED = (NOT_SUPPORTED, FUNCTION_NOT_FOUND, DEPRECATED)  # this board or driver does not have it: nothing failed


class Answers:
    """The answers of one GPU or of the system; a refused call is ``None``."""

    def __init__(self, raw: Mapping[str, Any]):
        self.raw = raw

    def get(self, key: str) -> Any:
        """Return an answer."""
        value = self.raw.get(key)
        return None if isinstance(value, dict) and "error" in value else value

    def lacks(self, key: str) -> bool:
        """Return whether the board, the driver or the binding says that it has no such thing.

        An older recording that never asked for what is asked for since has it no more than they.
        """
        answer = self.raw.get(key, {"error": "NEVER_ASKED"} if key in SINCE else None)
        return code_of(answer) in REFUSED or (isinstance(answer, dict) and answer.get("error") in UNASKED)

    def member(self, key: str, name: str) -> Any:
        """Return a member of a structure."""
        value = self.get(key)
        return value.get(name) if isinstance(value, dict) else None

    def item(self, key: str, index: int) -> Any:
        """Return one number of a list."""
        value = self.get(key)
        return value[index] if isinstance(value, list) and index < len(value) else None

    def flag(self, key: str, index: int) -> Optional[bool]:
        """Return one number of a list as yes or no."""
        value = self.item(key, index)
        return None if value is None else bool(value)

    def named(self, key: str, names: Mapping[int, str]) -> Optional[str]:
        """Return an enumeration by name."""
        value = self.get(key)
        return None if value is None else names.get(value, str(value))

    def field(self, name: str, link: int = 0) -> Any:
        """Return a field value by its name."""
        return self.get(field_key((FIELDS.get(name, LINK_FIELDS.get(name, 0)), link)))

    def watts(self, key: str) -> Optional[float]:
        """Return milliwatts as watts."""
        value = self.get(key)
        return None if value is None else value / 1000


def truth(value: Any) -> Optional[bool]:
    """Return a number as yes or no, and ``None`` as unknown."""
    return None if value is None else bool(value)
