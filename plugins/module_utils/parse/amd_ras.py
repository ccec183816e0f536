# Copyright (c) 2026 the muster.fleet authors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The error counts of the blocks of an Instinct card, by kind; a kind that nobody knows is not left out. Pure."""

from __future__ import annotations

from typing import Any, Callable, Dict, List, Mapping, Optional

KINDS = ("correctable", "uncorrectable", "deferred")
COUNT = "_count"
KNOWN = (
    {f"{kind}{COUNT}" for kind in KINDS} | {f"total_{kind}{COUNT}" for kind in KINDS} | {f"cache_correctable{COUNT}"}
)
MOST = 20
Read = Callable[[Any, str], Optional[int]]


def blocks(section: Any, read: Read) -> Optional[Dict[str, Dict[str, Optional[int]]]]:
    """Return corrected, uncorrected and deferred errors of every block, its name in lower case."""
    if not isinstance(section, dict):
        return None
    return {
        str(name).lower(): {kind.replace("able", "ed"): read(counts, kind + COUNT) for kind in KINDS}
        for name, counts in section.items()
    }


def unexplained(sections: Mapping[str, Any], read: Read) -> Optional[List[str]]:
    """Return what is counted under names that are not known and is not zero, as "UMC poison_count: 3"."""
    told = {name: counts for name, counts in sections.items() if isinstance(counts, dict)}
    found = [
        f"{name} {kind}: {read(counts, str(kind))}"
        for name, counts in told.items()
        for kind in counts
        if str(kind).endswith(COUNT) and str(kind) not in KNOWN and read(counts, str(kind))
    ]
    return sorted(found)[:MOST] if told else None
