# Copyright (c) 2026 the muster.fleet authors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The services that a user described: all of them checked, one of them found, its dependants in order."""

from __future__ import annotations

import difflib
import graphlib
from collections.abc import Iterable, Mapping
from typing import Any

from ...module_utils.release.service import BadService, Service, parse, parse_all
from ..files import BadInput


def parsed(raw: Mapping[str, Any], all_of_them: bool = True) -> tuple[dict[str, Service], list[str]]:
    """Return the services that can be used, and everything that is wrong with the others, each with its name.

    How they refer to each other is only looked at where all of them are there and can be used.
    """
    good: dict[str, Service] = {}
    problems: list[str] = []
    for name, entry in raw.items():
        try:
            good[name] = parse(name, entry)
        except BadService as error:
            problems += _told(error)
    if all_of_them and not problems:
        try:
            parse_all(dict(raw))
            order(good)
        except BadService as error:
            problems += _told(error)
        except BadInput as error:
            problems.append(str(error))
    return good, problems


def _told(error: BadService) -> list[str]:
    return [f"service {error.name}: {problem}" for problem in error.problems]


def found(known: Iterable[str], name: str) -> str:
    """Return the name when it is known; else say which are, and which one may be meant."""
    names = sorted(known)
    if name in names:
        return name
    near = difflib.get_close_matches(name, names, 1)
    hint = f"; did you mean {near[0]}?" if near else ""
    said = f"deploy_services has {', '.join(names)}" if names else "deploy_services is empty"
    raise BadInput(f"there is no service {name!r}{hint} ({said})" if name else f"deploy_service names none ({said})")


def dependants(services: Mapping[str, Service], name: str) -> list[str]:
    """Return what depends on a service, directly or by others, in the order in which it is to be restarted."""
    graph = _graph(services)
    reached = {name}
    ahead = [name]
    while ahead:
        here = ahead.pop()
        more = [other for other, needed in graph.items() if here in needed and other not in reached]
        reached.update(more)
        ahead += more
    return [other for other in order(services) if other in reached and other != name]


def order(services: Mapping[str, Service]) -> list[str]:
    """Return the services so that each stands after what it depends on; a circle is an error that names it."""
    try:
        return list(graphlib.TopologicalSorter(_graph(services)).static_order())
    except graphlib.CycleError as error:
        raise BadInput(f"services depend on each other in a circle: {' > '.join(reversed(error.args[1]))}") from error


def _graph(services: Mapping[str, Service]) -> dict[str, set[str]]:
    """Return service -> what it depends on, however that was said; in the order of their names."""
    graph: dict[str, set[str]] = {name: set(services[name].depends_on) & set(services) for name in sorted(services)}
    for name, service in services.items():
        for other in service.dependants:
            if other in graph:
                graph[other].add(name)
    return graph
