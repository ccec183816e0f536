# Copyright (c) 2026 the muster.fleet authors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What hl-smi and the habanalabs driver say about Gaudi cards, as data."""

from __future__ import annotations

import csv
import re
from typing import Dict, List, Optional, Tuple

NOTHING = ("", "n/a", "[n/a]", "na", "not supported", "[not supported]", "unknown")
CELLS_MOST = 64
# What the driver's "status" means for a job, and for the one schema of accelerators
STATES = {
    "operational": "ok",
    "needs reset": "reset_required",
    "malfunction": "error",
    "in reset": "error",
    "in reset after device release": "error",
    "in device creation": "error",
}


def table(text: str) -> List[Dict[str, str]]:
    """Return the rows of ``-f csv``, keyed by field without its unit; a cell that says nothing is left out."""
    lines = [line for line in text.splitlines() if "," in line or line.strip()]
    start = next((place for place, line in enumerate(lines) if "bus_id" in line), None)
    if start is None:
        return []
    try:
        heads, *rows = [[cell.strip() for cell in row] for row in csv.reader(lines[start:], skipinitialspace=True)]
    except csv.Error:
        return []
    names = [re.sub(r"\s*\[.*", "", head) for head in heads[:CELLS_MOST]]
    told = [dict(zip(names, row)) for row in rows if len(row) == len(heads)]
    return [{name: cell for name, cell in row.items() if cell.lower() not in NOTHING} for row in told]


def number(cell: Optional[str]) -> Optional[float]:
    """Return the number in "98304 MiB", "27 C" or "27"."""
    found = re.match(r"(-?\d{1,15}(?:\.\d+)?)(?=$|[\s%])", cell or "")
    if not found:
        return None
    return float(found.group(1)) if "." in found.group(1) else int(found.group(1))


def mebibytes(cell: Optional[str]) -> Optional[int]:
    """Return bytes of a number of MiB."""
    amount = number(cell)
    return None if amount is None else int(amount * (1 << 20))


def address(cell: Optional[str]) -> Optional[str]:
    """Return a PCI address in lower case."""
    text = (cell or "").lower()
    return text if re.fullmatch(r"[0-9a-f]{4}:[0-9a-f]{2}:[0-9a-f]{2}\.[0-7]", text) else None


def ports(text: str) -> Dict[int, str]:
    """Return port -> word of ``-n link`` (up, down) or ``-n ports`` (internal, external)."""
    found: List[Tuple[str, str]] = re.findall(r"^\s*port\s+(\d{1,3})\s*:\s*([A-Za-z]+)\s*$", text, re.MULTILINE)
    return {int(port): word.lower() for port, word in found}


def release(text: Optional[str]) -> Optional[str]:
    """Return the release in "hl-gaudi3-1.21.0-fw-59.0.1-sec-9" or "1.21.0-ca59b5a"."""
    found = re.search(r"(?:^|[-\s])(\d+\.\d+\.\d+)(?=[-\s]|$)", text or "")
    return found.group(1) if found else None
