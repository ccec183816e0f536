# Copyright (c) 2026 the muster.fleet authors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Reports of a run, one format per file; nothing is judged or counted anew here."""

from __future__ import annotations

from .files import NotWritten, write_all

__all__ = ["NotWritten", "write_all"]
