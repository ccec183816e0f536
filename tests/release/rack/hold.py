# Copyright (c) 2026 the muster.fleet authors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Runs in every Python of a machine: holds a release at a phase, right before or right after the journal names it.

``/run/hold/SERVICE`` says where (``PHASE before`` or ``PHASE after``). The first that gets there takes it away, leaves
its process id in ``/run/held/SERVICE`` and goes on when that is gone. The product knows nothing of this.
"""

from __future__ import annotations

import json
import os
import time
from typing import Any

_rename = os.rename


def rename(source: Any, target: Any, **options: Any) -> None:
    """Rename a file; a journal is held on to."""
    name = os.fspath(target)
    if not isinstance(name, str) or not name.endswith("/journal.json"):
        _rename(source, target, **options)
        return
    with open(source, encoding="utf-8") as journal:
        phase = str(json.load(journal).get("phase"))
    service = name.split("/")[-2]
    _hold(service, f"{phase} before")
    _rename(source, target, **options)
    _hold(service, f"{phase} after")


def _hold(service: str, moment: str) -> None:
    wanted = f"/run/hold/{service}"
    try:
        with open(wanted, encoding="utf-8") as file:
            if file.read().strip() != moment:
                return
    except OSError:
        return
    os.makedirs("/run/held", exist_ok=True)
    held = f"/run/held/{service}"
    with open(held, "w", encoding="utf-8") as file:
        file.write(f"{os.getpid()}\n")
    os.remove(wanted)
    while os.path.exists(held):
        time.sleep(0.05)


os.rename = rename
