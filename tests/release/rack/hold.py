# Copyright (c) 2026 the muster.fleet authors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Runs in every Python of a machine: holds a release at a phase, right before or right after the journal names it.

``/run/hold/SERVICE`` says where (``PHASE before`` or ``PHASE after``); ``/run/held/SERVICE`` appears when it is there;
it goes on when the first file is gone. The product knows nothing of this.
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
    with open(f"/run/held/{service}", "w", encoding="utf-8") as file:
        file.write(str(os.getpid()))
    while os.path.exists(wanted):
        time.sleep(0.05)


os.rename = rename
