# Copyright (c) 2026 the muster.fleet authors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Templates of a service, rendered on the controller for one host: its environment and its configuration files.

What comes out may be secret: it goes to the node and nowhere else.
"""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

from ansible.errors import AnsibleError
from ansible.template import trust_as_template

from ...module_utils.release.service import VARIABLE, Service
from ..files import BadInput

LINE_END = "\r\n"  # of a template's own lines, so that they are told from the line breaks in a value
IN_ENV = "give it in env, which takes it as it is"
BESIDE = "{}-services"  # a directory beside the inventory's: a file within that would be taken for a list of hosts


class Rendered(NamedTuple):
    """What a service gets on one host."""

    env: dict[str, str]
    files: list[dict[str, str]]


class Renderer:
    """Renders with the variables of one host."""

    def __init__(self, action: Any, variables: Mapping[str, Any], directory: str | None):
        self._action = action
        self._variables = variables
        self.base = Path(directory).expanduser() if directory else _beside_inventory(variables)

    def service(self, service: Service, tag: str) -> Rendered:
        """Return environment and files of a service; raise ``BadInput`` that names the template and what it lacks."""
        more = {"muster_service": service.name, "muster_tag": tag}
        env: dict[str, str] = {}
        if service.env_template:
            where = f"env_template {service.env_template}"
            env = env_lines(self.text(service.env_template, more, newline_sequence=LINE_END), where, LINE_END)
            if "\n" in self.text(service.env_template, more, newline_sequence="\r"):  # then it stands in a value
                raise BadInput(f"{where}: a value holds a line break: {IN_ENV}")
        env |= {key: str(value) for key, value in service.env.items()}
        files = [
            {
                "dest": entry.dest,
                "content": self.text(entry.template, {**more, "env": env}),
                "mode": entry.mode,
                "owner": entry.owner,
                "group": entry.group,
            }
            for entry in service.config
        ]
        return Rendered(env, files)

    def text(self, template: str, more: Mapping[str, Any], **overrides: Any) -> str:
        """Return a rendered template; ``overrides`` of Jinja's settings."""
        path = self.path(template)
        try:
            source = trust_as_template(self._action._loader.get_text_file_contents(str(path)))
            places = [str(path.parent), str(self.base)]
            templar = self._action._templar.copy_with_new_env(
                searchpath=places, available_variables={**self._variables, **more}
            )
            rendered = templar.template(source, escape_backslashes=False, overrides={"trim_blocks": True, **overrides})
        except AnsibleError as error:
            raise BadInput(f"template {template}: {why(error)}") from error
        return "" if rendered is None else str(rendered)

    def path(self, template: str) -> Path:
        """Return where a template lies."""
        path = self.base / Path(template).expanduser()
        if not path.is_file():
            raise BadInput(f"template {template}: there is no such file ({path})")
        return path


def _beside_inventory(variables: Mapping[str, Any]) -> Path:
    inventory = str(variables.get("inventory_dir") or os.getcwd())
    beside = Path(BESIDE.format(inventory))
    return beside if beside.is_dir() else Path(inventory)


def why(error: BaseException) -> str:
    """Return what Jinja complained of, in one line and without the text that it stood in."""
    deepest: BaseException = error
    while deepest.__cause__ is not None:
        deepest = deepest.__cause__
    said = str(getattr(deepest, "message", None) or deepest).strip().splitlines()
    return said[0][:300] if said else type(deepest).__name__


def env_lines(text: str, where: str, end: str = "\n") -> dict[str, str]:
    """Return the variables of a text of ``KEY=VALUE`` lines; quotes around a whole value and ``export`` are dropped.

    A line that is none is an error that tells its number, and not what it holds. ``end`` is how the template's own
    lines end: any other line break came with a value, which would go on as another variable.
    """
    env: dict[str, str] = {}
    for number, line in enumerate(text.split(end), 1):
        stripped = line.strip()
        if not stripped or stripped.startswith("#"):
            continue
        key, equals, value = stripped.removeprefix("export ").partition("=")
        place = f"{where}, line {number} of what it renders to"
        if any(mark in stripped for mark in "\r\n"):
            raise BadInput(f"{place}: the value of {key.strip()[:60]} holds a line break: {IN_ENV}")
        if not equals or not re.fullmatch(VARIABLE, key.strip()):
            raise BadInput(f"{place}: no KEY=VALUE")
        env[key.strip()] = _bare(value.strip())
    return env


def _bare(value: str) -> str:
    quoted = len(value) > 1 and value[0] == value[-1] and value[0] in "\"'"
    return value[1:-1] if quoted else value
