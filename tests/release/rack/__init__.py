# Copyright (c) 2026 the muster.fleet authors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The rack in a box: systemd machines in containers, with engines, a registry and a message broker of their own.

Nothing here knows the release engine. ``tests/release/README.md`` says how tests and Molecule use it.
"""

from __future__ import annotations

from .daemon import Unavailable
from .node import Node
from .rack import Rack
from .registry import Registry

__all__ = ["Node", "Rack", "Registry", "Unavailable"]
