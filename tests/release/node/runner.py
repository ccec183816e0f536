# Copyright (c) 2026 the muster.fleet authors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""One run of the release engine in a process of its own, as Ansible starts it on a machine, that can be made to die.

    python runner.py PLUGINS_FOLDER <REQUEST.json

The request: ``params`` (the module's options), ``check``, ``engine_s`` (how long to wait for an engine that is gone),
``clock_s`` (by how much the clock is wrong), and ``kill``. That is either ``at`` (a phase) with ``when`` (before or
after its journal is written), or ``call`` (the number of a change that the engine is asked for) with ``when`` (before
or after that change); and ``what`` (the process to kill, this one if 0). Prints the result as JSON, with the number of
changes as ``calls``.
"""

from __future__ import annotations

import json
import os
import signal
import sys
import time
from collections.abc import Callable
from typing import Any


class Killer:
    """Kills one process, once."""

    def __init__(self, wanted: dict[str, Any]) -> None:
        self._wanted, self.calls = wanted, 0

    def around(self, does: Callable[..., Any], key: str, place: Callable[..., Any]) -> Callable[..., Any]:
        """Return ``does`` with a kill before or after it, where ``place`` of its arguments is what is wanted."""

        def wrapped(*words: Any, **more: Any) -> Any:
            here = place(*words, **more)
            self._strike(key, here, "before")
            answer = does(*words, **more)
            self._strike(key, here, "after")
            return answer

        return wrapped

    def count(self, _engine: Any, method: str, *_rest: Any, **_more: Any) -> int:
        """Return the number of this change, 0 for a question."""
        self.calls += method != "GET"
        return self.calls if method != "GET" else 0

    def _strike(self, key: str, here: Any, when: str) -> None:
        if here and self._wanted.get(key) == here and self._wanted["when"] == when:
            process = self._wanted.get("what") or os.getpid()
            self._wanted.clear()
            os.kill(process, signal.SIGKILL)


def main() -> None:
    """Run what standard input says."""
    sys.path.insert(0, sys.argv[1])
    from module_utils.release import engine, machine, phases, recovery, work

    request = json.load(sys.stdin)
    killer = Killer(request.get("kill") or {})
    recovery.ENGINE_S = request.get("engine_s", recovery.ENGINE_S)
    true = time.time
    time.time = lambda: true() + request.get("clock_s", 0)
    gmtime = time.gmtime
    time.gmtime = lambda seconds=None: gmtime(time.time() if seconds is None else seconds)  # type: ignore[assignment]
    unjournaled = [phase.name for phase in phases.PHASES if not phase.journaled]
    cls = machine.Machine
    cls.enter = killer.around(cls.enter, "at", lambda _self, name: name in unjournaled and name)  # type: ignore[method-assign]
    work.Work.journal = killer.around(work.Work.journal, "at", lambda _self, name, _stopped: name)  # type: ignore[method-assign]
    engine.Engine.call = killer.around(engine.Engine.call, "call", killer.count)  # type: ignore[method-assign]
    result = machine.run(request["params"], request.get("check", False))
    print(json.dumps(dict(result, calls=killer.calls)))


if __name__ == "__main__":
    main()
