# Copyright (c) 2026 the muster.fleet authors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Running collectors side by side, so that none can hold up or take down another."""

from __future__ import annotations

import threading
import time
from typing import Any, Callable, Dict, Mapping

from ..host import Host

Collector = Callable[[Host, Mapping[str, Any]], Dict[str, Any]]
DEADLINE_S = 45.0


def collect(
    host: Host, collectors: Mapping[str, Collector], wanted: Mapping[str, Any], deadline_s: float = DEADLINE_S
) -> Dict[str, Any]:
    """Return facts by domain, each with ``took_ms`` (milliseconds).

    All domains together have ``deadline_s`` seconds. One that is not done by then, or breaks, leaves an error in
    its place; the others arrive all the same.
    """
    found: Dict[str, Any] = {}

    def work(domain: str) -> None:
        started = time.monotonic()
        try:
            facts = collectors[domain](host, wanted.get(domain) or {})
        except Exception as error:  # a defect in one collector must not cost the others their facts
            facts = {"errors": [{"source": f"{domain} collector", "reason": f"{type(error).__name__}: {error}"}]}
        found[domain] = dict(facts, took_ms=round((time.monotonic() - started) * 1000, 1))

    threads = [threading.Thread(target=work, args=(domain,), daemon=True) for domain in collectors]
    for thread in threads:
        thread.start()
    ends = time.monotonic() + deadline_s
    for thread in threads:
        thread.join(max(0.0, ends - time.monotonic()))
    late = {"errors": [{"source": "collector", "reason": f"timeout: not done after {deadline_s:g} s"}]}
    return {domain: found.get(domain, late) for domain in collectors}
