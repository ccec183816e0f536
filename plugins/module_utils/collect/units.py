# Copyright (c) 2026 the muster.fleet authors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The state of a few systemd units, from one call."""

from __future__ import annotations

from typing import Dict, Iterable, Mapping, Optional

from ..host import OK, Asked, Command
from ..parse import keyvalue

PROPERTIES = "Id,LoadState,ActiveState,SubState,UnitFileState"


def states(asked: Asked, names: Iterable[str]) -> Optional[Dict[str, Dict[str, str]]]:
    """Return unit id -> its properties for those that exist; ``None`` when systemd does not answer.

    Aliases lead to one id (chronyd.service is chrony.service on Debian).
    """
    answer = asked.host.run(["systemctl", "show", f"--property={PROPERTIES}", *names])
    if answer.state != OK or answer.rc != 0:
        asked.fail("systemctl show", complaint(answer))
        return None
    text = answer.stdout.decode("utf-8", "replace")
    return {unit["Id"]: unit for unit in keyvalue.blocks(text) if "Id" in unit and unit.get("LoadState") != "not-found"}


def complaint(answer: Command) -> str:
    """Return in one line why a command gave no answer."""
    said = answer.stderr.decode("utf-8", "replace").strip().partition("\n")[0][:120]
    return f"exit code {answer.rc}: {said}" if answer.state == OK else f"{answer.state}: {answer.detail}"


def active(units: Optional[Mapping[str, Mapping[str, str]]], name: str) -> Optional[bool]:
    """Say whether a unit is active; a unit that does not exist is not; ``None`` when systemd did not answer."""
    return None if units is None else units.get(name, {}).get("ActiveState") == "active"
