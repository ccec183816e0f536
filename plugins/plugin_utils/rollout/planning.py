# Copyright (c) 2026 the muster.fleet authors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What is to be done on one host, found out and checked without asking the host."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from ansible.errors import AnsibleError

from ...module_utils.judge.results import FAIL, PASS
from ...module_utils.release.service import TAG, BadService, Service, parse
from ..files import BadInput
from . import preflight, render
from . import services as described
from .deed import plain

ASKED = ("service", "tag", "state", "to", "from")  # of the options, what a plan holds and the later steps go by
Plan = dict[str, Any]


def empty(host: str, options: Mapping[str, Any]) -> Plan:
    """Return the plan of a host of which nothing is known but what was asked for."""
    asked = {key: options[key] for key in ASKED}
    return {"host": host, **asked, "chain": [], "services": {}, "answers": [], "problems": []}


def plan(action: Any, variables: Mapping[str, Any], options: Mapping[str, Any]) -> tuple[Plan, render.Rendered | None]:
    """Return the plan of a host with all ``problems`` that speak against it, and what its templates render to."""
    host = str(variables["inventory_hostname"])
    made = empty(host, options) | {key: variables.get(f"muster_{key}") for key in ("rack", "slot", "class")}
    known, problems = services(action, variables)
    rendered = None
    name = options["service"]
    try:
        described.found({**known, **_named(problems)}, name)
        if name in known:
            made["chain"] = [name, *described.dependants(known, name)]
            made["services"] = {each: {**known[each].data(), "env": {}} for each in made["chain"]}
        if options["state"] == "present":
            problems += _tag(name, options["tag"])
            rendered = _render(action, variables, options, known, made, problems)
        else:
            own = [text for text in problems if text.startswith(f"service {name}:")]
            made["passed_over"] = [f"{_on(host, text)}: goes back to it as it was deployed" for text in own]
            made["chain"] = made["chain"] or [name]  # what it was deployed as is known on the host
            problems = _steps(options["to"])
    except BadInput as error:
        problems.append(str(error))
    made["problems"] = [_on(host, text) for text in dict.fromkeys(problems)]
    return made, rendered


def ready(action: Any, variables: Mapping[str, Any], options: Mapping[str, Any]) -> tuple[dict[str, Service], Any]:
    """Return services and rendered templates once more: what the plan checked is not kept on disk."""
    known, unused = services(action, variables)
    if options["state"] != "present":
        return known, None
    renderer = render.Renderer(action, variables, options["template_dir"])
    return known, renderer.service(known[options["service"]], options["tag"])


def services(action: Any, variables: Mapping[str, Any]) -> tuple[dict[str, Service], list[str]]:
    """Return the services of this host that can be used, and what is wrong with the others."""
    raw = variables.get("deploy_services") or {}
    if isinstance(raw, str):
        raw = action._templar.template(raw)
    if not isinstance(raw, Mapping):
        return {}, ["deploy_services is a mapping of names to services"]
    entries: dict[str, Any] = {}
    problems: list[str] = []
    for name, entry in raw.items():
        try:
            if not isinstance(name, str):
                problems.append(f"service {name}: the name is not a text: write it in quotes, as it is meant")
            entries[str(name)] = plain(action._templar.template(entry))
        except AnsibleError as error:
            problems.append(f"service {name}: {render.why(error)}")
    known, more = described.parsed(entries, not problems)
    return known, problems + more


def of_plan(made: Mapping[str, Any]) -> dict[str, Service]:
    """Return the services of a plan as they were described."""
    found = {}
    for name, data in (made.get("services") or {}).items():
        try:
            found[name] = parse(name, data)
        except BadService as error:
            raise BadInput(str(error)) from error
    return found


def _on(host: str, text: str) -> str:
    """Return a problem with the name of the host in it."""
    found = re.match(r"service ([^\s:]+): ", text)
    return f"service {found.group(1)} on {host}: {text[found.end() :]}" if found else f"{host}: {text}"


def _named(problems: list[str]) -> dict[str, None]:
    """Return the names of the services that problems speak of: they are there, though they cannot be used."""
    found = (re.match(r"service ([^\s:]+):", text) for text in problems)
    return {match.group(1): None for match in found if match}


def _tag(name: str, tag: str) -> list[str]:
    if not tag:
        return [f"service {name}: deploy_tag does not say which release"]
    return [] if re.fullmatch(TAG, tag) else [f"service {name}: deploy_tag {tag!r} is no tag"]


def _steps(to: int) -> list[str]:
    return [] if to >= 1 else [f"rollback_to is a number of releases, at least 1, not {to}"]


def _render(
    action: Any,
    variables: Mapping[str, Any],
    options: Mapping[str, Any],
    known: Mapping[str, Service],
    made: Plan,
    problems: list[str],
) -> render.Rendered | None:
    """Render the service's templates and answer the controller's items; add what speaks against the deploy."""
    service = known.get(options["service"])
    if service is None:
        return None
    renderer = render.Renderer(action, variables, options["template_dir"])
    try:
        rendered = renderer.service(service, options["tag"])
    except BadInput as error:
        made["answers"] = [_config(FAIL, str(error), service)] if service.config else []
        problems.append(f"service {service.name}: {error}")
        return None
    found = preflight.answers(service, options["tag"], renderer.base)
    found += [preflight.env_answer(service, rendered.env)] if service.required_env else []
    made["answers"] = found + ([_config(PASS, "", service)] if service.config else [])
    problems += [f"service {service.name}: {answer['message']}" for answer in found if answer["status"] != PASS]
    return rendered


def _config(status: str, message: str, service: Service) -> dict[str, Any]:
    count = len(service.config)
    good = f"{count} file{'s are' if count > 1 else ' is'} rendered"
    return {
        "id": "release.pre.config",
        "status": status,
        "message": message or good,
        "source": service.config[0].template,
    }
