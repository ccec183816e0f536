# Copyright (c) 2026 the muster.fleet authors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What is wrong with a service is said all at once, with the names of service and key, and never with a secret."""

from __future__ import annotations

import contextlib
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.muster.fleet.plugins.module_utils.release import service

IMAGE = {"image": "registry.example.com:5000/team/app"}
UNIT = {"name": "app.service", "root": "/opt/app"}
POINTER = {"file": "/etc/app.yaml", "key": "model", "root": "/models"}
ADVANCING = {"file": "/a", "pattern": "x"}
COMPOSE = {"file": "/c.yml", "service": "web"}
FILE = {"template": "c", "dest": "/c.yml"}
each = pytest.mark.parametrize


def problems(**data: Any) -> list[str]:
    with pytest.raises(service.BadService) as bad:
        service.parse("queue", {**IMAGE, **data})
    assert all(f"service queue: {problem}" in str(bad.value) for problem in bad.value.problems)
    return bad.value.problems


@each(
    ("data", "problem"),
    [
        ({"imag": 1}, "imag: unknown key, did you mean image?"),
        ({"gate": {"http": {"ulr": "x", "url": "http://x"}}}, "gate.http.ulr: unknown key, did you mean url?"),
        ({"gate": {"http": {}}}, "gate.http.url: is missing"),
        ({"gate": {"timeout_s": "5"}}, "gate.timeout_s: must be a number, not a text"),
        ({"gate": {"health": 1}}, "gate.health: must be true or false, not a whole number"),
        ({"gate": []}, "gate: must be a mapping, not a list"),
        ({"stop": {"grace_s": -1}}, "stop.grace_s: must be at least 0, not -1"),
        ({"stop": {"grace_s": True}}, "stop.grace_s: must be a whole number, not true or false"),
        ({"image": "app:1"}, "image: 'app:1' is not like registry.example.com:5000/team/app (without a tag)"),
        (
            {"restart": "alway"},
            "restart: must be one of unless-stopped, always, on-failure, no, not 'alway', did you mean always?",
        ),
        ({"env": {"A": True}}, "env.A: must be a text or a whole number or a number, not true or false"),
        ({"env": {"1A": "x"}}, "env.1A: is no name that can be used here"),
        ({"gpus": ["0", 1]}, "gpus[1]: must be a text, not a whole number"),
        ({"gpus": "some"}, "gpus: must be one of all, not 'some' (known: all)"),
        ({"ports": ["80:x"]}, "ports[0]: '80:x' is not like \"127.0.0.1:8080:80\""),
        ({"accelerators": "wait"}, "accelerators: 'wait' is not like refuse, ignore or wait:600"),
        ({"mounts": [{"source": "/a"}]}, "mounts[0].target: is missing"),
        (
            {"mounts": [{"source": "a:b", "target": "/"}]},
            "mounts[0].source: 'a:b' is not like /srv/data (without a colon)",
        ),
        ({"labels": {"muster.fleet.release": "x"}}, "labels: muster.fleet.release is not yours to set"),
        ({"config": [{"template": "a", "dest": "/a"}] * 2}, "config: /a is written twice"),
        ({"config": [{"template": "a", "dest": "a"}]}, "config[0].dest: 'a' is not like /etc/app/config.yaml"),
        ({"postflight": {"error_patterns": ["+"]}}, "postflight.error_patterns[0]: is no regular expression: "),
        ({"gate": {"advancing": ADVANCING}}, "gate.advancing.pattern: needs a group around the number"),
        (
            {"gate": {"advancing": {**ADVANCING, "key": "x"}}},
            "gate.advancing: has a key and a pattern, one of them is enough",
        ),
        ({"preflight": {"cve_scan": {"critical": 0}}}, "preflight.cve_scan: needs a file or a url, and not both"),
        ({"kind": "systemd_unit"}, "unit: is missing, a service of kind systemd_unit needs it"),
        ({"unit": UNIT}, "unit: a service of kind container has none"),
        ({"kind": "compose", "compose": COMPOSE}, "compose.file: /c.yml is not the dest of any of its config files"),
    ],
)
def test_each_mistake_has_its_message(data: dict[str, Any], problem: str) -> None:
    assert any(told.startswith(problem) for told in problems(**data))


YAML = (True, 8, 1.1, None)  # what YES, 010, 1.10 and ~ are without quotes


@each("key", YAML)
@each(
    "place",
    [
        lambda key: {key: "x"},
        lambda key: {"env": {key: "x"}},
        lambda key: {"labels": {key: "x"}},
        lambda key: {"ulimits": {key: 1}},
        lambda key: {"gate": {key: 1}},
        lambda key: {"gate": {"http": {"url": "http://x", key: 1}}},
        lambda key: {"preflight": {"disk_percent": {key: 1}}},
    ],
)
def test_a_key_that_yaml_made_something_else_of_is_no_name(key: Any, place: Any) -> None:
    told = _problems({**IMAGE, **place(key)})
    assert any("not a text: write the name in quotes" in text for text in told), told


def _problems(data: dict[Any, Any]) -> list[str]:
    with pytest.raises(service.BadService) as refused:
        service.parse("queue", data)
    return refused.value.problems


@each(
    ("data", "place"),
    [
        ({"labels": {"version": 1.1}}, "labels.version"),
        ({"image": 5.1}, "image"),
        ({"user": 1000}, "user"),
        ({"command": [1.1]}, "command[0]"),
        ({"restart": False}, "restart"),
        ({"config": [{"template": "c", "dest": "/c", "mode": 0o640}]}, "config[0].mode"),
    ],
)
def test_a_value_that_yaml_made_something_else_of_says_what_to_write(data: dict[str, Any], place: str) -> None:
    assert any(text.startswith(f"{place}: ") and "in quotes" in text for text in _problems({**IMAGE, **data}))


def test_a_name_of_a_service_that_is_a_number_is_none() -> None:
    with pytest.raises(service.BadService, match="write it in quotes"):
        service.parse_all({7: IMAGE})


def test_everything_wrong_is_said_at_once() -> None:
    assert len(problems(kind="x", ports=[1], stop={"x": 1}, env={"A": None})) == 4


@each("name", ["", "Upper", "-x", "a b", "a/b"])
def test_names_that_cannot_be_used(name: str) -> None:
    with pytest.raises(service.BadService, match="the name must be"):
        service.parse(name, IMAGE)


@each(
    "data",
    [
        IMAGE,
        {"kind": "systemd_unit", "unit": UNIT},
        {"kind": "model_pointer", "pointer": POINTER},
        {**IMAGE, "kind": "compose", "compose": COMPOSE, "config": [FILE]},
        {**IMAGE, "gpus": "all", "cpus": 2, "env": {"A": 1, "B": 1.5, "C": "x"}, "command": None},
        {**IMAGE, "gpus": ["0"], "ports": ["80", "8080:80", "[::1]:1:2/udp"]},
    ],
)
def test_what_comes_out_goes_in_again(data: dict[str, Any]) -> None:
    parsed = service.parse("queue", data)
    assert service.parse("queue", parsed.data()) == parsed
    assert parsed.name == "queue"


PLAIN = st.none() | st.booleans() | st.integers() | st.text(max_size=5)
NESTED = st.recursive(
    PLAIN, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3)
)


@given(
    st.dictionaries(st.text(max_size=8), NESTED, max_size=4),
    st.sampled_from(["gate", "stop", "env", "mounts", "preflight"]),
)
def test_no_data_makes_it_stumble(data: dict[str, Any], key: str) -> None:
    with contextlib.suppress(service.BadService):
        service.parse("queue", {**IMAGE, key: data, **data})


def test_services_name_each_other() -> None:
    assert set(service.parse_all({"a": {**IMAGE, "depends_on": ["b"]}, "b": IMAGE})) == {"a", "b"}
    with pytest.raises(service.BadService, match=r"service a: depends_on: there is no service c \(known: a\)"):
        service.parse_all({"a": {**IMAGE, "depends_on": ["c"]}})
    with pytest.raises(service.BadService, match="must be a mapping"):
        service.parse_all([])


def test_required_variables() -> None:
    parsed = service.parse("queue", {**IMAGE, "required_env": ["A", "B", "C"]})
    assert service.missing_env(parsed, {"A": "x", "B": ""}) == ["B", "C"]
