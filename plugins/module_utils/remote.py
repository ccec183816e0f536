# Copyright (c) 2026 the muster.fleet authors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What happens on the node when the collectors arrive on the connection's standard input (``plugin_utils/bundle``)."""

from __future__ import annotations

import base64
import contextlib
import json
import os
import sys
import time
import zlib
from _frozen_importlib_external import MAGIC_NUMBER
from typing import Any, Dict, Mapping, Optional

from .collect.node import COLLECTORS, load
from .collect.together import DEADLINE_S, collect
from .host import Host

MARK = "MUSTER1:"


def answer(request: Mapping[str, Any]) -> Dict[str, Any]:
    """Collect what ``request`` asks for.

    ``request``: ``domains`` (all when absent), ``wanted`` by domain, ``deadline_s``, ``replay`` (recordings to answer
    from instead of the machine), ``nvml_library`` (a path: the simulated NVML through which they answer), ``record`` (a
    name: return a recording as well). ``bytecode`` in the answer is the kind that this Python reads.
    """
    started = time.monotonic()
    try:
        host = _host(request)
    except ValueError as error:
        return {"refused": str(error)}
    with contextlib.suppress(Exception):  # each collector says so in its own place
        load()
    domains = request.get("domains") or list(COLLECTORS)
    collectors = {name: COLLECTORS[name] for name in domains}
    facts = collect(host, collectors, request.get("wanted") or {}, request.get("deadline_s") or DEADLINE_S)
    identity = host.identity()
    result = {
        "facts": facts,
        "identity": identity,
        "simulated": host.simulated,
        "planted": dict(host.planted) or None,
        "took_s": round(time.monotonic() - started, 3),
        "cpu_s": round(time.process_time(), 3),
        "bytecode": MAGIC_NUMBER.hex(),
    }
    if request.get("record"):
        result["recording"] = host.document  # type: ignore[attr-defined] # a Recorder
    return result


def _host(request: Mapping[str, Any]) -> Host:
    """Return what answers; recordings are the exception, so what they need is loaded only for them."""
    host = Host()
    if request.get("replay"):
        from .replay import Replay, check

        layers = [check(document, f"recording layer {n}") for n, document in enumerate(request["replay"])]
        host = Replay(layers, request.get("nvml_library"))
    if request.get("record"):
        from .record import Recorder

        host = Recorder(host, request["record"])
    return host


def main(request: Dict[str, Any], pynvml: Optional[str] = None) -> None:
    """Answer on standard output: a mark, then compressed JSON in base 64, so that a login banner does no harm."""
    request.setdefault("wanted", {}).setdefault("gpu", {})["pynvml"] = pynvml
    packed = zlib.compress(json.dumps(answer(request)).encode("ascii"), 6)
    sys.stdout.write(f"\n{MARK}{base64.b64encode(packed).decode()}\n")
    sys.stdout.flush()
    os._exit(0)  # a thread that hangs in the driver must not keep the connection open
