# Copyright (c) 2026 the muster.fleet authors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Record one host: the same question as ``verify`` asks, kept with every answer in one file on the controller."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from ansible.plugins.action import ActionBase

from ansible_collections.muster.fleet.plugins.module_utils.collect.node import wanted
from ansible_collections.muster.fleet.plugins.plugin_utils import bundle, catalogue, done, inputs, node, scrub
from ansible_collections.muster.fleet.plugins.plugin_utils.files import BadInput, write
from ansible_collections.muster.fleet.plugins.plugin_utils.printable import says_printable

bundle.program(), bundle.program(bundle.BYTECODE)  # made while the plugin is loaded, before the workers fork

ARGUMENTS: dict[str, dict[str, Any]] = {
    "dest": {"type": "path", "required": True},
    "profile": {"type": "str", "default": "generic"},
    "profile_dirs": {"type": "list", "elements": "path", "default": []},
    "scrub": {"type": "bool", "default": True},
    "deadline": {"type": "float", "default": 60},
}


class ActionModule(ActionBase):
    """A machine's answers in, a recording out."""

    _supports_check_mode = True
    _requires_connection = True

    @says_printable
    def run(self, tmp: Any = None, task_vars: Any = None) -> dict[str, Any]:
        """Return where the recording lies and how much is in it."""
        result: dict[str, Any] = super().run(tmp, task_vars)
        inputs.refuse_strays(task_vars or {})
        options = inputs.validated(self, self._task.args, ARGUMENTS)
        name = (task_vars or {})["inventory_hostname"]
        try:
            values = catalogue.profile(options["profile"], [Path(p) for p in options["profile_dirs"]])["values"]
            request = {"record": name, "wanted": wanted(values), "deadline_s": options["deadline"]}
            answer = node.ask(self, task_vars or {}, request, values.get("gpu", {}).get("vendor"))
            recording = answer["recording"]
            if options["scrub"]:
                recording = scrub.scrub(recording, answer["facts"])
            dest = Path(options["dest"]).expanduser().absolute()
            if not self._task.check_mode:
                write(dest, scrub.dump(recording))
        except (BadInput, bundle.NoAnswer) as error:
            return dict(result, failed=True, msg=str(error))
        done.note(f"record:{name}")
        counts = {kind: len(recording[kind]) for kind in ("files", "commands")}
        return dict(result, changed=True, dest=str(dest), scrubbed=options["scrub"], **counts)
