# Copyright (c) 2026 the muster.fleet authors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What most kinds of services have none of: data of their own, sockets on demand, processes that outlive a stop."""

from __future__ import annotations

from typing import List, Optional

from .base import Lost, Spec


class Plain:
    """Answers for a kind that has nothing of this; each kind replaces what it has."""

    has_mounts = False
    made_with_stop = False

    def things(self) -> List[str]:
        return []

    def on_demand(self) -> bool:
        return False

    def lost(self, spec: Spec) -> List[Lost]:
        return []

    def written(self) -> List[str]:
        return []

    def remarks(self, spec: Spec) -> List[str]:
        return []

    def leftovers(self) -> List[str]:
        return []

    def unsteady(self, spec: Spec) -> Optional[str]:
        return None
