# Copyright (c) 2026 the muster.fleet authors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The topology that AMD's compute driver shows under /sys/class/kfd, as data."""

from __future__ import annotations

import re
from typing import Dict, List, Mapping, Optional

XGMI = 11  # type of an io_link
FLAGS = {"R": "retired", "P": "pending", "F": "unreservable"}


def properties(text: Optional[str]) -> Dict[str, int]:
    """Return the numbers of a ``properties`` file; a line that is not a name and a number says nothing."""
    pairs = (line.split() for line in (text or "").splitlines())
    return {pair[0]: int(pair[1]) for pair in pairs if len(pair) == 2 and re.fullmatch(r"\d{1,20}", pair[1])}


def is_gpu(node: Mapping[str, int]) -> bool:
    """Say whether a node computes on a GPU (others are CPUs)."""
    return node.get("simd_count", 0) > 0


def address(node: Mapping[str, int]) -> Optional[str]:
    """Return the PCI address of the card that a node is on; the partitions of a card share it."""
    place = node.get("location_id")
    if not place:
        return None
    domain = node.get("domain", 0)
    return f"{domain:04x}:{place >> 8 & 0xFF:02x}:{place >> 3 & 0x1F:02x}.0"


def error_counts(text: Optional[str]) -> Dict[str, Optional[int]]:
    """Return what a ``ras/<block>_err_count`` file counts: "ue: 0", "ce: 0" and, newer, "de: 0"."""
    found = dict(re.findall(r"^(ue|ce|de):\s*(\d{1,18})\s*$", text or "", re.MULTILINE))
    names = {"corrected": "ce", "uncorrected": "ue", "deferred": "de"}
    return {name: int(found[key]) if key in found else None for name, key in names.items()}


def unknown_counts(text: Optional[str]) -> List[str]:
    """Return the lines of a ``ras/<block>_err_count`` file that count something, but neither "ue" nor "ce" nor "de"."""
    found = re.findall(r"^(\w{1,40}):\s*(\d{1,18})\s*$", text or "", re.MULTILINE)
    return [f"{name}: {count}" for name, count in found if name not in ("ue", "ce", "de") and int(count)]


def bad_pages(text: Optional[str]) -> Dict[str, Optional[int]]:
    """Return how many pages ``ras/gpu_vram_bad_pages`` lists as retired, pending and not retirable."""
    if text is None:
        return dict.fromkeys(FLAGS.values())
    marks: List[str] = re.findall(r"^0x[0-9a-f]+ : 0x[0-9a-f]+ : (\S.*?)\s*$", text, re.MULTILINE)
    if text.strip() and not marks:
        return dict.fromkeys(FLAGS.values())  # it lists something, in words that are not known
    known = set(marks) <= set(FLAGS)
    counts = {name: marks.count(flag) for flag, name in FLAGS.items()}
    # a page with another mark may be of any kind: what was counted beside it is the least
    return {name: count if count or known else None for name, count in counts.items()}
