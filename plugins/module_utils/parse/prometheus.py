# Copyright (c) 2026 the muster.fleet authors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What an exporter serves to Prometheus: the text exposition format, read for the families that are asked for."""

from __future__ import annotations

import re
from typing import Dict, Iterable, List, NamedTuple, Optional, Set

_SAMPLE = re.compile(
    r"([a-zA-Z_:][a-zA-Z0-9_:]*)(\{.*\})?[ \t]+"
    r"([+-]?(?:[0-9]+\.?[0-9]*(?:[eE][+-]?[0-9]+)?|\.[0-9]+|Inf|NaN))(?:[ \t]+[0-9.-]+)?[ \t]*(?:# .*)?"
)


class Sample(NamedTuple):
    """One line: its labels as they stand there (``{gpu="0"}``), and its value, which may be NaN."""

    labels: str
    value: float


class Exposition(NamedTuple):
    """The names of all families that have a sample, and the samples of those that were asked for."""

    names: Set[str]
    samples: Dict[str, List[Sample]]


def read(text: str, wanted: Iterable[str]) -> Optional[Exposition]:
    """Return what a page of metrics holds; ``None`` unless it is whole and nothing but metrics.

    The format ends every line, the last one too, with a line feed: a page without it was cut off.
    """
    if not text.endswith("\n"):
        return None
    asked = set(wanted)
    page = Exposition(set(), {name: [] for name in asked})
    for line in text.split("\n"):
        line = line.strip()
        if not line or line.startswith("#"):
            continue
        found = _SAMPLE.fullmatch(line)
        if not found:
            return None
        page.names.add(found[1])
        if found[1] in asked:
            page.samples[found[1]].append(Sample(found[2] or "", float(found[3])))
    return page if page.names else None
