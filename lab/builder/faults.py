"""What a fault is: a change of the raw answers of a healthy machine, and the findings it must lead to."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from .node import Node
from .recording import Recording


@dataclass(frozen=True)
class Fault:
    """A named fault.

    ``finds`` maps the id of every check that must not pass to its status (``fail`` or ``unknown``); a check that is
    not named must stay as it was. Where that depends on the class, ``finds`` is a mapping by class.
    """

    name: str
    does: str
    classes: tuple[str, ...]
    finds: Mapping[str, Any]
    apply: Callable[[Node, Recording], None]

    def findings(self, klass: str) -> Mapping[str, str]:
        """Return check id -> status for a class."""
        return self.finds.get(klass, {}) if klass in self.classes and klass in self.finds else self.finds
