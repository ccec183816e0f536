# Copyright (c) 2026 the muster.fleet authors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Variables of inventory and command line that look like the collection's and are none: they would say nothing.

``muster_`` is the collection's own prefix: an unknown name is refused. The prefixes of its roles (``report_``) are
words that others use, too: a name that resembles a variable of the role is refused; any other one is shown where
hardly anybody else uses the prefix, and left alone where many do.
"""

from __future__ import annotations

import functools
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

from ..files import ROLES, BadInput, entries
from . import DECLARED, hint
from .facts import PREFIX, documented

try:  # where a value was written; Ansible promises neither the class nor the tag
    from ansible._internal._datatag._tags import Origin
except ImportError:  # pragma: no cover - every tested release has it
    Origin = None

RESEMBLES = 0.75
COMMON = ("deploy", "health", "record", "report", "rollback")  # prefixes that others use for variables of their own


class Stray(NamedTuple):
    """A variable that nobody reads: what to say of it, and whether it is refused or only shown."""

    text: str
    refused: bool


@functools.cache
def shared() -> frozenset[str]:
    """Return the names that begin with ``muster_``: declared ones, and the facts."""
    declared = entries(DECLARED / "variables.yml")[0].value
    return frozenset([*declared, f"{PREFIX}simulated", *(f"{PREFIX}{domain}" for domain in documented())])


@functools.cache
def of_roles() -> dict[str, frozenset[str]]:
    """Return the variables of every role."""
    roles = sorted(path for path in ROLES.iterdir() if (path / "defaults" / "main.yml").is_file())
    specifications = {role.name: entries(role / "meta" / "argument_specs.yml")[0].value for role in roles}
    return {
        name: frozenset(option for point in told["argument_specs"].values() for option in point.get("options") or {})
        for name, told in specifications.items()
    }


def strays(variables: Mapping[str, Any]) -> list[Stray]:
    """Return the variables that look like the collection's and are none, in order of their names."""
    return [stray for name in sorted(variables) for stray in _stray(name, variables)]


def refuse(variables: Mapping[str, Any]) -> list[str]:
    """Raise ``BadInput`` for variables that are refused; return what is to be said of those that are only shown."""
    found = strays(variables)
    refused = [stray.text for stray in found if stray.refused]
    if refused:
        raise BadInput("; ".join(refused))
    return [stray.text for stray in found]


def _stray(name: str, variables: Mapping[str, Any]) -> Iterator[Stray]:
    if name.startswith(PREFIX):
        if name not in shared():
            near = hint(name.removeprefix(PREFIX), (known.removeprefix(PREFIX) for known in shared()))
            text = f"{name} is not a variable of muster.fleet{near.replace('mean ', f'mean {PREFIX}')}"
            yield Stray(text + _place(variables[name]), True)
        return
    role, _separator, rest = name.partition("_")
    if role in of_roles() and name not in of_roles()[role]:
        known = {option.removeprefix(f"{role}_") for option in of_roles()[role]}
        near = hint(rest, known, RESEMBLES)
        if not near and role in COMMON:
            return
        text = f"{name} is not a variable of role {role}{near.replace('mean ', f'mean {role}_')}"
        yield Stray(text + _place(variables[name]), bool(near))


def _place(value: Any) -> str:
    """Return where a value was written, as far as Ansible knows."""
    tag = Origin.get_tag(value) if Origin is not None else None
    if tag is None:
        return ""
    line = f":{tag.line_num}" if tag.line_num else ""
    return f" ({tag.path}{line})" if tag.path else f" ({tag.description})"
