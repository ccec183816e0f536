#!/usr/bin/env python3
"""Run by ``make coverage``: how many items of each checklist have an answer, and which have none."""

from __future__ import annotations

import os
import sys
from pathlib import Path

sys.path.insert(0, os.environ["ANSIBLE_COLLECTIONS_PATH"])

from ansible_collections.muster.fleet.plugins.plugin_utils import coverage

CASES = Path(__file__).resolve().parents[1] / "tests" / "unit" / "checks"

print("\n".join(coverage.lines(CASES)))
