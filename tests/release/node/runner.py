# Copyright (c) 2026 the muster.fleet authors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""One run of the release engine in a process of its own, as Ansible starts it on a machine, that can be made to die.

    python runner.py PLUGINS_FOLDER <REQUEST.json

The request: ``params`` (the module's options), ``check``, and ``kill``: ``at`` (name of a phase), ``when`` (before or after
the journal was written), ``what`` (a process id: this one's if 0). Or ``call``: the number of the engine's change at which
this process dies, before it is asked for (``when``: before) or after (``when``: after). Prints the result as JSON.
"""

from __future__ import annotations

import json
import os
import signal
import sys
from typing import Any


def main() -> None:
    """Run what standard input says."""
    sys.path.insert(0, sys.argv[1])
    from module_utils.release import machine
    from module_utils.release.engine import Engine

    request = json.load(sys.stdin)
    kill = request.get("kill") or {}
    count = {"calls": 0}

    def die() -> None:
        os.kill(kill.get("what") or os.getpid(), signal.SIGKILL)
        kill.clear()

    class Mortal(machine.Machine):
        def enter(self, name: str) -> None:
            here = kill.get("at") == name
            if here and kill["when"] == "before":
                die()
            super().enter(name)
            if here and kill and kill["when"] == "after":
                die()

    def counted(call: Any) -> Any:
        def wrapped(self: Engine, method: str, path: str, *rest: Any, **more: Any) -> Any:
            if method == "GET":
                return call(self, method, path, *rest, **more)
            count["calls"] += 1
            here = kill.get("call") == count["calls"]
            if here and kill["when"] == "before":
                die()
            answer = call(self, method, path, *rest, **more)
            if here and kill and kill["when"] == "after":
                die()
            return answer

        return wrapped

    Engine.call = counted(Engine.call)  # type: ignore[method-assign]
    result = Mortal(request["params"], request.get("check", False)).run()
    print(json.dumps(dict(result, calls=count["calls"])))


if __name__ == "__main__":
    main()
