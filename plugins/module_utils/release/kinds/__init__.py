# Copyright (c) 2026 the muster.fleet authors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The kinds of services that can be released. ``base.Kind`` says what a kind has to do."""

from __future__ import annotations

from typing import Any, Mapping, Optional, Tuple

from .. import engines
from ..engine import Engine
from ..store import Store
from .base import Kind
from .compose import Compose
from .container import Container
from .model_pointer import ModelPointer
from .systemd_unit import SystemdUnit


def make(params: Mapping[str, Any], service: Mapping[str, Any], store: Store) -> Tuple[Kind, Optional[Engine]]:
    """Return what handles a service of its kind, and the engine where there is one."""
    name, kind = params["name"], service["kind"]
    if kind == "systemd_unit":
        return SystemdUnit(name, service), None
    if kind == "model_pointer":
        return ModelPointer(name, service, store), None
    engine = engines.of(params, store)
    if kind == "compose":
        return Compose(name, engine, service, params["registry"], params["state_dir"]), engine
    return Container(name, engine, service, params["registry"]), engine
