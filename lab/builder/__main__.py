"""``python -m builder OUTPUT``: write every node's recording, and a layer for every fault that fits it."""

from __future__ import annotations

import importlib
import json
import pkgutil
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

from . import __name__ as package
from . import __path__ as places
from .beside import BESIDE
from .faults import Fault
from .node import NODES, Node
from .recording import Recording, difference


def parts() -> list[ModuleType]:
    """Return the modules of this package."""
    return [
        importlib.import_module(f"{package}.{found.name}")
        for found in pkgutil.iter_modules(places)
        if not found.name.startswith("__")
    ]


def healthy(node: Node) -> Recording:
    """Render a node with nothing wrong."""
    recording = Recording(node)
    for module in parts():
        if hasattr(module, "render"):
            module.render(node, recording)
    return recording


def faults() -> dict[str, Fault]:
    """Return every fault by name."""
    known: dict[str, Fault] = {}
    for fault in (fault for module in parts() for fault in getattr(module, "FAULTS", [])):
        if known.get(fault.name, fault) is not fault:  # the same one may be offered by two modules
            raise ValueError(f"two faults are named {fault.name}")
        known[fault.name] = fault
    return known


def layer(node: Node, base: Recording, fault: Fault) -> dict[str, Any]:
    """Return the recording layer that plants ``fault`` on ``node``."""
    faulty = base.copy()
    fault.apply(node, faulty)
    change = difference(base, faulty)
    if set(change) == {"muster_recording"}:
        raise ValueError(f"fault {fault.name} changes nothing on {node.name}")
    planted: dict[str, Any] = {"faults": [fault.name], "finds": dict(fault.findings(node.klass))}
    if fault.name in BESIDE:
        planted["fleet"] = dict(BESIDE[fault.name])
    return {**change, "planted": planted}


def build(output: Path) -> int:
    """Write ``<node>/recording.json`` and ``<node>/faults/<fault>.json`` below ``output``; return how many files."""
    written = 0
    for node in NODES:
        base = healthy(node)
        documents = {"recording": base.document}
        for fault in faults().values():
            if node.klass in fault.classes and not fault.profile:
                documents[f"faults/{fault.name}"] = layer(node, base, fault)
        for name, document in documents.items():
            path = output / node.name / f"{name}.json"
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(json.dumps(document, sort_keys=True), encoding="utf-8")
            written += 1
    return written


if __name__ == "__main__":
    print(f"{build(Path(sys.argv[1]))} recordings and fault layers written to {sys.argv[1]}")
