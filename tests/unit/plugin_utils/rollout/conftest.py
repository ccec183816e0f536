# Copyright (c) 2026 the muster.fleet authors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""An action plugin with Ansible's own templating behind it, and nodes that are functions."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest
from ansible import constants as C
from ansible.parsing.dataloader import DataLoader
from ansible.template import Templar, trust_as_template

TEMPLATE_MARK = "{{"


def trusted(value: Any) -> Any:
    """Return variables as Ansible's inventory would hand them over: their templates may be rendered."""
    if isinstance(value, dict):
        return {key: trusted(part) for key, part in value.items()}
    if isinstance(value, list):
        return [trusted(part) for part in value]
    return trust_as_template(value) if isinstance(value, str) and TEMPLATE_MARK in value else value


class Connection:
    """The options of an ssh connection."""

    transport = "ssh"

    def __init__(self) -> None:
        self.options = {"ssh_extra_args": "-o ServerAliveInterval=5"}

    def get_option(self, name: str) -> str:
        return self.options[name]

    def set_option(self, name: str, value: str) -> None:
        self.options[name] = value


class Action:
    """What the code under test uses of an action plugin; ``node`` answers what the module is asked."""

    def __init__(self, variables: dict[str, Any], node: Any = None, check: bool = False):
        self.variables = trusted(variables)
        self.node = node
        self.asked: list[dict[str, Any]] = []
        self._loader = DataLoader()
        self._templar = Templar(loader=self._loader, variables=self.variables)
        self._task = SimpleNamespace(check_mode=check)
        self._connection = Connection()

    def _execute_module(self, module_name: str, module_args: dict[str, Any], task_vars: Any) -> Any:
        assert module_name == "muster.fleet.release"
        self.asked.append(module_args)
        return self.node(module_args)


@pytest.fixture
def place(tmp_path, monkeypatch):
    """A folder with an inventory, what services need beside it, and a place for the run."""
    monkeypatch.setattr(C, "DEFAULT_LOCAL_TMP", str(tmp_path))
    (tmp_path / "rack-services").mkdir()
    (tmp_path / "rack-services" / "queue.env.j2").write_text("HOST={{ mq }}\nexport PASS='{{ secret }}'\n# and\n\n")
    (tmp_path / "rack-services" / "c.j2").write_text("{{ muster_service }} {{ muster_tag }} {{ env.PASS }}\n")
    (tmp_path / "rack-services" / "ci.json").write_text('{"status": "success"}')
    return tmp_path
