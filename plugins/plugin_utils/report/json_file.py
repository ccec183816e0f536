# Copyright (c) 2026 the muster.fleet authors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The run as it is, for machines: ``run.json``."""

from __future__ import annotations

import json
from typing import Any, Mapping


def render(run: Mapping[str, Any]) -> str:
    """The whole document, one line per host so that it can be searched and compared as text."""
    hosts = ",\n".join(f"  {_compact(name)}: {_compact(host)}" for name, host in run["hosts"].items())
    rest = [f" {_compact(key)}: {_compact(value)}" for key, value in run.items() if key != "hosts"]
    return "{\n" + ",\n".join([*rest, f' "hosts": {{\n{hosts}\n }}']) + "\n}\n"


def _compact(value: Any) -> str:
    return json.dumps(value, allow_nan=False, separators=(",", ":"))
