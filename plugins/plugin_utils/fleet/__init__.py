# Copyright (c) 2026 the muster.fleet authors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What hosts say beside each other: peers, outliers, duplicates, cables, drift, and causes that many hosts share.

Pure, on the controller, after every host was judged by itself. A value that is missing makes its host ``unknown``;
one cause is one row, however many hosts it hits.
"""

from __future__ import annotations

from .catalogue import FLEET, checks
from .judging import Ground, entries, judge
from .samples import Member, member

__all__ = ["FLEET", "Ground", "Member", "checks", "entries", "judge", "member"]
