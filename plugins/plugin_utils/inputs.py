# Copyright (c) 2026 the muster.fleet authors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""An action's options: from its own arguments, else from the variables of the role that runs it, else the inventory.

The roles pass nothing on to their actions. Fourteen templated arguments cost the controller more for every host than
judging it does; read here, a variable is only templated when a user wrote a template into it.
"""

from __future__ import annotations

import functools
from collections.abc import Iterator, Mapping
from typing import Any

from ansible.errors import AnsibleActionFail
from ansible.utils.display import Display

from . import texts
from .files import ROLES, BadInput, entries
from .report.text import plain
from .schema import variables as known_variables

display = Display()


def options(
    action: Any, variables: Mapping[str, Any], arguments: Mapping[str, Any], inventory: Mapping[str, str]
) -> dict[str, Any]:
    """Return the validated options of an action.

    ``arguments`` is its argument spec, ``inventory`` the variables (``muster_class``) that stand in for an option.
    ``__muster_role`` names a role (bringup) whose variables come before those of the action's own name.
    Variables that look like the collection's and are none are an error, or shown.
    """
    refuse_strays(variables)
    name = action._task.action.rsplit(".", 1)[-1]
    given, called = dict(action._task.args), dict.fromkeys(action._task.args, "")
    role = action._templar.template(variables["__muster_role"]) if variables.get("__muster_role") else None
    for option in arguments:
        for variable in _variables(name, option, role, inventory):
            if option not in given and not _unsaid(variables.get(variable), arguments[option]):
                given[option], called[option] = action._templar.template(variables[variable]), variable
                if _unsaid(given[option], arguments[option]):
                    del given[option]
    return validated(action, given, arguments, called)


def validated(
    action: Any, given: Mapping[str, Any], arguments: Mapping[str, Any], called: Mapping[str, str] | None = None
) -> dict[str, Any]:
    """Return the options of an action as its argument spec has them; what must be text and is none is an error.

    ``called`` has the variables that options come from.
    """
    name = action._task.action.rsplit(".", 1)[-1]
    problems: list[str] = []
    for option in [option for option in given if option in arguments and given[option] is not None]:
        shown = (called or {}).get(option) or f"{name}_{option}"
        problems += texts.wrong(shown, option, given[option], arguments[option])
    if problems:
        raise AnsibleActionFail("; ".join(problems))
    action._task.args = {key: texts.bare(value, arguments.get(key, {})) for key, value in given.items()}
    unused, valid = action.validate_argument_spec(argument_spec=arguments)
    return dict(valid)


def refuse_strays(variables: Mapping[str, Any]) -> None:
    """Show variables that look like the collection's and are none; those that are surely meant for it are an error."""
    try:
        for text in known_variables.refuse(variables):
            display.warning(plain(text))
    except BadInput as error:
        raise AnsibleActionFail(plain(error)) from error


def _unsaid(value: Any, spec: Mapping[str, Any]) -> bool:
    """Say whether a variable leaves the decision to the next one: the empty defaults of the roles do.

    Zero does so for a number; where a text belongs it is what YAML made of ``00``, and no text.
    """
    if isinstance(value, bool) or (isinstance(value, (int, float)) and spec.get("type", "str") not in texts.NUMBERS):
        return False
    return not value


def _variables(name: str, option: str, role: str | None, inventory: Mapping[str, str]) -> Iterator[str]:
    if role:
        yield f"{role}_{option}"
    yield f"{name}_{option}"
    if option in inventory:
        yield inventory[option]


@functools.cache
def of_role(role: str) -> list[str]:
    """Return the names of a role's variables."""
    return list(entries(ROLES / role / "defaults" / "main.yml")[0].value)
