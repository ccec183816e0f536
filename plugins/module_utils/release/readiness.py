# Copyright (c) 2026 the muster.fleet authors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What is known of a service on this machine, and whether a rollback would find all it needs. Reads only."""

from __future__ import annotations

from typing import Any, Dict, Mapping, Optional

from . import Refused, StepFailed, audit, disk, kinds, lease, refusals
from .kinds.base import Kind, altered
from .store import Store
from .work import running

NO_FOLDER = "nothing was deployed from here"


def run(params: Mapping[str, Any]) -> Dict[str, Any]:
    """Return what the module returns."""
    store = Store(params["state_dir"], params["name"])
    told: Dict[str, Any] = {"current": None, "running": None, "history": [], "journal": None, "lease": None}
    told["rollback"] = {"possible": False, "to": None, "why_not": NO_FOLDER}
    try:
        told["lease"] = lease.shown(store.folder)
        told["audit"] = _audit(store)
        store.load()
        told["journal"] = store.journal()
    except (disk.Damaged, OSError) as error:
        told.setdefault("audit", {"intact": None, "first_bad": None, "message": str(error)})
        told["rollback"]["why_not"] = refusals.told(error, "lease")
        return told
    told.update(current=store.entry(store.current), history=store.releases)
    told["rollback"], told["running"] = _ready(store, params)
    return told


def _audit(store: Store) -> Dict[str, Any]:
    reading = audit.read(f"{store.folder}/audit.jsonl")
    torn = f"the last line is not finished ({reading.torn} bytes): the next run cuts it off" if reading.torn else ""
    intact = reading.first_bad is None
    return dict(reading.head, intact=intact, first_bad=reading.first_bad, message=reading.message or torn)


def _ready(store: Store, params: Mapping[str, Any]) -> Any:
    """Return rollback readiness and whether the current release runs."""
    to, runs = store.target(params["to"]), None
    told: Dict[str, Any] = {"possible": False, "to": to, "why_not": None}
    if to is None:
        told["why_not"] = f"there is no verified release {params['to']} back" if store.current else NO_FOLDER
    try:
        kind = _kind(store, params)
        now = running(kind, store) if kind else None
        runs = bool(now and now.well and now.release == store.current) if kind else None
        if to is not None and kind:
            spec = store.spec(to["id"])
            told["why_not"] = kind.lacking(spec) or altered(kind, spec)
            told["possible"] = told["why_not"] is None
    except (StepFailed, Refused, OSError) as error:
        told.update(possible=None if to else False, why_not=told["why_not"] or str(error))
    except disk.Damaged as error:
        told["why_not"] = str(error)
    return told, runs


def _kind(store: Store, params: Mapping[str, Any]) -> Optional[Kind]:
    if store.current is None:
        return None
    service = store.spec(store.current)["service"]
    kind, unused = kinds.make(dict(params, registry=None), service, store)
    return kind
