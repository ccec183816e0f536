# Copyright (c) 2026 the muster.fleet authors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""One service described once, as data: an entry of ``deploy_services``. What is a key here is a key there.

:func:`parse` is the one gate between what a user wrote and everything else, on the controller and on the node.
"""

from __future__ import annotations

import dataclasses
import re
from typing import Any, Dict, List, Mapping, Optional, Union

from .sections import ABSOLUTE, Compose, Config, Gate, Healthcheck, Mount, Pointer, Postflight, Preflight, Stop, Unit
from .typed import load, plain, setting

KINDS = ("container", "compose", "systemd_unit", "model_pointer")
NAME = r"[a-z0-9][a-z0-9_.-]*"
TAG = r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}"
VARIABLE = r"[A-Za-z_][A-Za-z0-9_]*"
IMAGE = r"([a-zA-Z0-9][a-zA-Z0-9.-]*(:[0-9]+)?/)?[a-z0-9][a-z0-9_.-]*(/[a-z0-9][a-z0-9_.-]*)*"
PORT = r"((\d{1,3}\.){3}\d{1,3}:|\[[0-9a-fA-F:]+\]:)?(\d+:)?\d+(/(tcp|udp))?"
Scalar = Union[str, int, float]
OWN_SIGNAL = {
    "compose": "is not used for a project of Compose: say stop_signal in its file",
    "systemd_unit": "is not used for a unit: say KillSignal= in its file",
    "model_pointer": "is not used for a pointer: nothing is stopped",
}


class BadService(ValueError):
    """What is wrong with one service: ``problems``, each with the name of the key; the text names the service."""

    def __init__(self, name: str, problems: List[str]):
        self.name, self.problems = name, problems
        super().__init__("; ".join(f"service {name}: {problem}" for problem in problems))


@dataclasses.dataclass(frozen=True)
class Service:
    """A service. What only one kind needs is in the sections ``compose``, ``unit`` and ``pointer``."""

    kind: str = setting("container", choices=KINDS)
    image: Optional[str] = setting(None, pattern=IMAGE, like="registry.example.com:5000/team/app (without a tag)")
    compose: Optional[Compose] = setting(None)
    unit: Optional[Unit] = setting(None)
    pointer: Optional[Pointer] = setting(None)
    # what a container is made from
    env: Dict[str, Scalar] = setting({}, keys=VARIABLE)
    required_env: List[str] = setting([], pattern=VARIABLE, like="RABBITMQ_HOST")
    env_template: Optional[str] = setting(None)
    config: List[Config] = setting([])
    mounts: List[Mount] = setting([])
    devices: List[str] = setting([], pattern=ABSOLUTE, like="/dev/kfd")
    gpus: Union[str, List[str], None] = setting(None, choices=("all",))
    ports: List[str] = setting([], pattern=PORT, like='"127.0.0.1:8080:80"')
    network: Optional[str] = setting(None)
    extra_hosts: List[str] = setting([], pattern=r"[^:\s]+:\S+", like="registry:10.0.0.1")
    user: Optional[str] = setting(None)
    groups: List[str] = setting([])
    entrypoint: Optional[List[str]] = setting(None)
    command: Optional[List[str]] = setting(None)
    working_dir: Optional[str] = setting(None, pattern=ABSOLUTE, like="/app")
    labels: Dict[str, str] = setting({})
    healthcheck: Optional[Healthcheck] = setting(None)
    runtime: Optional[str] = setting(None)
    ipc: Optional[str] = setting(None)
    init: bool = setting(False)
    read_only: bool = setting(False)
    cap_add: List[str] = setting([])
    security_opt: List[str] = setting([])
    ulimits: Dict[str, int] = setting({})
    shm_bytes: Optional[int] = setting(None, least=0)
    memory_bytes: Optional[int] = setting(None, least=0)
    cpus: Optional[float] = setting(None, least=0)
    restart: str = setting("unless-stopped", choices=("unless-stopped", "always", "on-failure", "no"))
    # how it is replaced
    stop: Stop = dataclasses.field(default_factory=Stop)
    gate: Gate = dataclasses.field(default_factory=Gate)
    watch_s: float = setting(30.0, least=0)
    protected: bool = setting(False)
    accelerators: str = setting("refuse", pattern=r"refuse|ignore|wait:\d+", like="refuse, ignore or wait:600")
    data_left_behind: str = setting("refuse", choices=("refuse", "allow"))
    depends_on: List[str] = setting([], pattern=NAME, like="rabbitmq")
    dependants: List[str] = setting([], pattern=NAME, like="annotation_consumer")
    keep: int = setting(3, least=1)
    preflight: Preflight = dataclasses.field(default_factory=Preflight)
    postflight: Postflight = dataclasses.field(default_factory=Postflight)
    name: str = dataclasses.field(default="", init=False)

    def data(self) -> Dict[str, Any]:
        """Return the service as the data it was parsed from, with every default filled in."""
        return {key: value for key, value in plain(self).items() if key != "name"}


# Not part of what runs: changing one of these alone is no new release.
AROUND = frozenset(
    [
        "gate",
        "watch_s",
        "protected",
        "accelerators",
        "data_left_behind",
        "depends_on",
        "dependants",
        "keep",
        "preflight",
        "postflight",
        "stop",
        "required_env",
        "env_template",
        "env",
        "config",
        "image",
    ]
)


def parse(name: str, data: Any) -> Service:
    """Return the service, or raise :class:`BadService` with everything that is wrong with it."""
    problems: List[str] = []
    if not re.fullmatch(NAME, str(name)):
        problems.append(
            "the name must be lower-case letters, digits, '.', '_' and '-', and begin with a letter or digit"
        )
    service = load(Service, data, "", problems)
    if service is not None:
        problems += _contradictions(service)
    if problems or service is None:
        raise BadService(str(name), problems)
    object.__setattr__(service, "name", name)  # frozen for everyone else
    return service


def parse_all(services: Any) -> Dict[str, Service]:
    """Return all services of ``deploy_services``; raise :class:`BadService` with the problems of the first bad ones."""
    if not isinstance(services, Mapping):
        raise BadService("?", ["deploy_services must be a mapping of names to services"])
    typed = [str(name) for name in services if not isinstance(name, str)]
    if typed:
        raise BadService(typed[0], ["the name is not a text: write it in quotes, as it is meant"])
    parsed = {name: parse(name, data) for name, data in services.items()}
    for name, service in parsed.items():
        for key in ("depends_on", "dependants"):
            absent = [other for other in getattr(service, key) if other not in parsed]
            if absent:
                raise BadService(name, [f"{key}: there is no service {', '.join(absent)} (known: {', '.join(parsed)})"])
    return parsed


def missing_env(service: Service, env: Mapping[str, Any]) -> List[str]:
    """Return the required variables that are absent or empty; their values are told to nobody."""
    return [name for name in service.required_env if str(env.get(name, "")) == ""]


def _contradictions(service: Service) -> List[str]:
    needs = {
        "container": ["image"],
        "compose": ["image", "compose"],
        "systemd_unit": ["unit"],
        "model_pointer": ["pointer"],
    }
    wrong = [
        f"{key}: is missing, a service of kind {service.kind} needs it"
        for key in needs[service.kind]
        if getattr(service, key) is None
    ]
    others = [key for key in ("compose", "unit", "pointer") if key not in needs[service.kind]]
    wrong += [
        f"{key}: a service of kind {service.kind} has none" for key in others if getattr(service, key) is not None
    ]
    wrong += [f"labels: {label} is not yours to set" for label in service.labels if label.startswith("muster.fleet.")]
    dests = [entry.dest for entry in service.config]
    wrong += [f"config: {dest} is written twice" for dest in sorted({dest for dest in dests if dests.count(dest) > 1})]
    if service.compose and service.compose.file not in dests:
        wrong.append(f"compose.file: {service.compose.file} is not the dest of any of its config files")
    if service.kind != "container" and service.stop.signal != Stop().signal:
        wrong.append(f"stop.signal: {OWN_SIGNAL[service.kind]}")
    return wrong + [problem for check in (_two_sources, _regular_expressions) for problem in check(service)]


def _two_sources(service: Service) -> List[str]:
    wrong = []
    for key in ("ci_status", "cve_scan"):
        source = getattr(service.preflight, key)
        if source is not None and (source.file is None) == (source.url is None):
            wrong.append(f"preflight.{key}: needs a file or a url, and not both")
    advancing = service.gate.advancing
    if advancing and advancing.key is not None and advancing.pattern is not None:
        wrong.append("gate.advancing: has a key and a pattern, one of them is enough")
    return wrong


def _regular_expressions(service: Service) -> List[str]:
    found = [(f"postflight.error_patterns[{n}]", text, 0) for n, text in enumerate(service.postflight.error_patterns)]
    if service.gate.advancing and service.gate.advancing.pattern is not None:
        found.append(("gate.advancing.pattern", service.gate.advancing.pattern, 1))
    return [f"{place}: {wrong}" for place, text, groups in found for wrong in _unusable(text, groups)]


def _unusable(text: str, groups: int) -> List[str]:
    try:
        compiled = re.compile(text)
    except re.error as error:
        return [f"is no regular expression: {error}"]
    return ["needs a group around the number"] if compiled.groups < groups else []
