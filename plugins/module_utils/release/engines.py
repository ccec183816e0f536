# Copyright (c) 2026 the muster.fleet authors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Which container engine a service belongs to: the one that it was deployed with, and no other that happens to answer.

With another engine in its place, the release before would be looked for where it is not, and run on beside the new one.
"""

from __future__ import annotations

import contextlib
import os
from typing import Any, Dict, List, Mapping, Optional

from . import Refused, disk
from .engine import SOCKETS, Engine, EngineError
from .kinds.container_body import SERVICE_LABEL
from .store import Store

Identity = Mapping[str, Any]  # name, socket, id (of the engine, empty where it has none)


def of(params: Mapping[str, Any], store: Store) -> Engine:
    """Return the engine of a service; raise :class:`Refused` or :class:`EngineError` where that is not to be had."""
    known = remembered(store)
    if known:
        return _again(known, params, store)
    engine = _answering(params["socket"]) if params["socket"] else _first(params["name"])
    engine.identity()  # while it answers: the journal names it
    return engine


def remembered(store: Store) -> Optional[Identity]:
    """Return the engine that an unfinished run worked with, or that the current release was deployed with."""
    with contextlib.suppress(disk.Damaged, OSError):
        store.load()
    journal = store.journal()
    if journal and journal.get("engine"):
        return dict(journal["engine"])
    if store.current is None and not journal and store.releases:
        return None  # nothing is to run
    entry = store.entry(store.current) or {}
    found = entry.get("engine") or next(iter(_of_specs(store)), None)
    return dict(found) if found else None


def _of_specs(store: Store) -> List[Identity]:
    """Return what the kept releases say, newest first: also where the history is damaged."""
    found = []
    for name in reversed(store.spec_names()):
        with contextlib.suppress(disk.Damaged, OSError):
            spec = disk.read(os.path.join(store.folder, "releases", f"{name}.json"))
            found += [spec["engine"]] if isinstance(spec, dict) and spec.get("engine") else []
    return found


def _again(known: Identity, params: Mapping[str, Any], store: Store) -> Engine:
    engine = Engine(params["socket"] or known["socket"])
    deployed = f"it was deployed with {known['name']} at {known['socket']}"
    move = (
        f"To move it to another engine for good, remove its containers there and {store.folder} here, then deploy it"
        " with deploy_socket"
    )
    try:
        found = engine.identity()
    except EngineError as error:
        raise Refused(f"{deployed}: {error}. Start that engine and run this again. {move}", move) from error
    if not _same(known, found):
        raise Refused(
            f"{deployed}, and {found['name']} answers at {found['socket']}: a release there would run beside it."
            f" Start {known['name']} and leave deploy_socket out. {move}",
            move,
        )
    return engine


def _same(known: Identity, found: Identity) -> bool:
    place = os.path.realpath(known["socket"]) == os.path.realpath(found["socket"])
    return known["name"] == found["name"] and (place or known.get("id") == found.get("id") != "")


def _answering(path: str) -> Engine:
    engine = Engine(path)
    engine.version()
    return engine


def _first(name: str) -> Engine:
    """Return the engine that has containers of the service, else the first; refuse where one of them is silent."""
    there = {os.path.realpath(path): path for path in reversed(SOCKETS) if os.path.exists(path)}
    answering: Dict[str, Engine] = {}
    silent: List[str] = []
    for path in list(there.values())[::-1] or SOCKETS:
        engine = Engine(path)
        why = _silent(engine)
        if why:
            silent.append(why)
        else:
            answering[path] = engine
    if not answering:
        raise EngineError("; ".join(silent))
    if silent and there:
        raise Refused(
            f"{'; '.join(silent)}. {', '.join(answering)} answers, and which of them the service belongs to is not"
            f" known: start the other one, or say deploy_socket: {next(iter(answering))}",
            "say deploy_socket",
        )
    return _one(name, answering)


def _silent(engine: Engine) -> str:
    try:
        engine.version()
    except EngineError as error:
        return str(error)
    return ""


def _one(name: str, answering: Mapping[str, Engine]) -> Engine:
    if len(answering) == 1:
        return next(iter(answering.values()))
    having = [path for path, engine in answering.items() if _has(engine, name)]
    if len(having) > 1:
        places = " and at ".join(having)
        way_out = "remove those of one engine, or say deploy_socket"
        raise Refused(f"there are containers of it at {places}: {way_out}", way_out)
    return answering[having[0]] if having else next(iter(answering.values()))


def _has(engine: Engine, name: str) -> bool:
    return engine.container(name) is not None or bool(engine.labelled(f"{SERVICE_LABEL}={name}"))
