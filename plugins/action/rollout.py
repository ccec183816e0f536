# Copyright (c) 2026 the muster.fleet authors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""One step of a rollout: plan (each host), gate (once), apply (each host), settle (each host). Never fails a host.

Outcomes are records in the run's directory; the role ``report`` gives the verdict.
"""

from __future__ import annotations

from typing import Any

from ansible.errors import AnsibleConnectionFailure
from ansible.plugins.action import ActionBase
from ansible.utils.display import Display

from ansible_collections.muster.fleet.plugins.plugin_utils import inputs, texts
from ansible_collections.muster.fleet.plugins.plugin_utils.files import BadInput
from ansible_collections.muster.fleet.plugins.plugin_utils.printable import says_printable
from ansible_collections.muster.fleet.plugins.plugin_utils.report.text import plain
from ansible_collections.muster.fleet.plugins.plugin_utils.rollout import checklist
from ansible_collections.muster.fleet.plugins.plugin_utils.rollout.deed import NO_ANSWER
from ansible_collections.muster.fleet.plugins.plugin_utils.rollout.steps import Steps

display = Display()
LATER = ("apply", "settle")  # the steps that touch hosts: what they could not note is not known, and so not good
# Read while the plugin is loaded, so that all workers, forked later, share it.
checklist.shipped(), inputs.of_role("deploy"), inputs.of_role("rollback")

ARGUMENTS: dict[str, dict[str, Any]] = {
    "step": {"type": "str", "required": True, "choices": ["plan", "gate", "apply", "settle"]},
    "state": {"type": "str", "default": "present", "choices": ["present", "rolled_back"]},
    "service": {"type": "str", "default": ""},
    "tag": {"type": "str", "default": ""},
    "to": {"type": "int", "default": 1},
    "from": {"type": "str", "default": ""},
    "canary": {"type": "raw", "default": "1"},  # a number of hosts, or a share
    "batch": {"type": "raw", "default": "25%"},
    "template_dir": {"type": "path"},
    "registry_username": {"type": "str"},
    "registry_password": {"type": "str", "no_log": True},
    "state_dir": {"type": "path"},
    "socket": {"type": "path"},
    "lease_s": {"type": "int"},
    "timeout_s": {"type": "float", "default": 3600},
    "who": {"type": "str"},
    "why": {"type": "str"},
    "expected_hosts": {"type": "int", "default": 0},
    "max_hosts": {"type": "int", "default": 0},
    "report_dir": {"type": "path", "default": "reports"},
    "run_id": {"type": "str"},
}
# What a rollback takes over from the deploy of the same service, and what every playbook here takes from the inventory.
SHARED = ("service", "template_dir", "registry_username", "registry_password", "state_dir", "socket", "lease_s",
          "timeout_s", "who")  # fmt: skip
INVENTORY = {name: f"deploy_{name}" for name in SHARED} | {
    name: f"muster_{name}" for name in ("expected_hosts", "max_hosts", "report_dir")
}


class ActionModule(ActionBase):
    """A step of a rollout."""

    _supports_check_mode = True
    _requires_connection = True

    @says_printable
    def run(self, tmp: Any = None, task_vars: Any = None) -> dict[str, Any]:
        """Return what became of the step; only a rollout that was never planned, or cannot be noted, fails."""
        result: dict[str, Any] = super().run(tmp, task_vars)
        variables = task_vars or {}
        try:
            options = inputs.options(self, variables, ARGUMENTS, INVENTORY)
            options |= {key: texts.tag(options[key]) for key in ("tag", "from")}
            steps = Steps(self, variables, options)
            return dict(result, **getattr(steps, options["step"])())
        except AnsibleConnectionFailure:
            raise
        except Exception as error:
            if self._task.args.get("step") not in LATER:
                if isinstance(error, BadInput):
                    return dict(result, failed=True, msg=str(error))
                raise
            # A batch that fails as a whole would end the playbook, and nobody would be led back.
            display.warning(plain(f"{variables.get('inventory_hostname')}: {type(error).__name__}: {error}"))
            return dict(result, changed=False, outcome=NO_ANSWER, msg=f"nothing could be noted: {error}")
