# Copyright (c) 2026 the muster.fleet authors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The release engine on this machine itself, without SSH: a dockerd, a registry, and runs that can be killed."""

from __future__ import annotations

from .bare import BareDaemon, LocalRegistry
from .bench import Bench, Ran

__all__ = ["BareDaemon", "Bench", "LocalRegistry", "Ran"]
