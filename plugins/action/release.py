# Copyright (c) 2026 the muster.fleet authors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""One service on one host: templates are rendered here, then the module of the same name does the work on the node."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from typing import Any

from ansible.plugins.action import ActionBase

from ansible_collections.muster.fleet.plugins.module_utils.release.service import (
    BadService,
    Service,
    missing_env,
    parse,
)
from ansible_collections.muster.fleet.plugins.plugin_utils import texts
from ansible_collections.muster.fleet.plugins.plugin_utils.files import BadInput
from ansible_collections.muster.fleet.plugins.plugin_utils.printable import says_printable
from ansible_collections.muster.fleet.plugins.plugin_utils.rollout.deed import plain, said
from ansible_collections.muster.fleet.plugins.plugin_utils.rollout.render import Renderer
from ansible_collections.muster.fleet.plugins.plugin_utils.rollout.steps import REGISTRY

TEXTS = ("name", "tag", "state", "of_run", "run_id", "who", "why", "state_dir", "socket")


class ActionModule(ActionBase):
    """A service as the user describes it in, a release out."""

    _supports_check_mode = True
    _requires_connection = True

    @says_printable
    def run(self, tmp: Any = None, task_vars: Any = None) -> dict[str, Any]:
        """Return what the module returns; what is wrong with the service is said before the node is asked."""
        result: dict[str, Any] = super().run(tmp, task_vars)
        variables = task_vars or {}
        given = {key: plain(value) for key, value in self._task.args.items()}
        name, host = str(given.get("name", "")), str(variables.get("inventory_hostname"))
        try:
            given |= _texts(self._task.args)
            service = parse(name, given.get("service"))
            if given.get("state", "present") == "present":
                given |= self._rendered(service, given, variables)
        except (BadInput, BadService) as error:
            return dict(
                result, failed=True, changed=False, outcome="refused", msg=said({"msg": str(error)}, name, host)
            )
        known = {key: os.environ[variable] for key, variable in REGISTRY.items() if os.environ.get(variable)}
        if known and "registry" not in given:
            given["registry"] = known
        given["service"] = {**service.data(), "env": {}}  # values go in ``env`` alone, which is kept from every log
        done: dict[str, Any] = self._execute_module(module_args=given, task_vars=variables)
        if done.get("failed") and "msg" in done:
            done["msg"] = said(done, name, host)
        return dict(result, **done)

    def _rendered(self, service: Service, given: dict[str, Any], variables: Any) -> dict[str, str]:
        """Return environment and files; what the task gives itself is not rendered."""
        made = Renderer(self, variables, None).service(service, str(given.get("tag", "")))
        env = given.get("env", made.env)
        problems = _of_env(env) if isinstance(env, dict) else []
        if problems:
            raise BadInput("; ".join(problems))
        absent = missing_env(service, env) if isinstance(env, dict) else []
        if absent:
            raise BadInput(f"no value for {', '.join(absent)}")
        return {"env": _text(env), "files": _text(given.get("files", made.files))}


def _texts(args: Mapping[str, Any]) -> dict[str, str]:
    """Return what must be text; raise ``BadInput`` where YAML made something else of it, which would go on as text."""
    kinds = {name: {"type": "str"} for name in TEXTS}
    named = [name for name in kinds if args.get(name) is not None]
    problems = [text for name in named for text in texts.wrong(name, name, args[name], kinds[name])]
    if problems:
        raise BadInput("; ".join(problems))
    found = {name: str(texts.bare(args[name], kinds[name])) for name in named}
    return found | ({"tag": texts.tag(found["tag"])} if "tag" in found else {})


def _of_env(env: Mapping[Any, Any]) -> list[str]:
    """Return what is wrong with an environment: a name that YAML made true of, or a value that is no text or number."""
    wrong = [
        f"env: the name {key} is not a text: write it in quotes, as it is meant"
        for key in env
        if not isinstance(key, str)
    ]
    wrong += [
        f"env.{key}: must be a text or a number: write it in quotes, as it is meant"
        for key, value in env.items()
        if isinstance(value, bool) or not isinstance(value, (str, int, float))
    ]
    return wrong


def _text(value: Any) -> str:
    """Return a value as one text: of a mapping, Ansible would mask each value wherever else it occurs."""
    return value if isinstance(value, str) else json.dumps(value)
