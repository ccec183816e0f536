# Copyright (c) 2026 the muster.fleet authors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What YAML made something else of is no text, for every option of every action that the playbooks run."""

from __future__ import annotations

import datetime
import importlib
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import yaml
from ansible.errors import AnsibleActionFail
from ansible.module_utils.common.arg_spec import ArgumentSpecValidator

from ansible_collections.muster.fleet.plugins.plugin_utils import inputs, texts

CHECKOUT = Path(__file__).resolve().parents[3]
ACTIONS = sorted(path.stem for path in (CHECKOUT / "plugins" / "action").glob("*.py") if path.stem != "release")
VALUES = {
    "1.10": 1.1,
    "007": 7,
    "0x10": 16,
    "yes": True,
    "2026-11-08T00:00:00Z": datetime.datetime(2026, 11, 8, tzinfo=datetime.timezone.utc),
    "12:30:45": 45045,
}


def spec_of(name: str) -> dict[str, dict[str, Any]]:
    module = importlib.import_module(f"ansible_collections.muster.fleet.plugins.action.{name}")
    spec: dict[str, dict[str, Any]] = module.ARGUMENTS
    return spec


def options() -> list[Any]:
    every = [(name, option, entry) for name in ACTIONS for option, entry in spec_of(name).items()]
    return [
        pytest.param(name, option, id=f"{name}-{option}")
        for name, option, entry in every
        if entry.get("type", "str") in texts.TEXT or entry.get("elements") in texts.TEXT
    ]


class Action:
    """What the options are read with."""

    def __init__(self, name: str, args: dict[str, Any]):
        self._task = SimpleNamespace(action=f"muster.fleet.{name}", args=args)
        self._templar = SimpleNamespace(template=lambda value: value)

    def validate_argument_spec(self, argument_spec: dict[str, Any]) -> tuple[Any, dict[str, Any]]:
        result = ArgumentSpecValidator(argument_spec).validate(self._task.args)
        assert not result.error_messages, result.error_messages
        return result, result.validated_parameters


def given(action: str, **more: Any) -> dict[str, Any]:
    """Return arguments that an action needs besides."""
    needed = {
        key: (entry.get("choices") or ["x"])[0] for key, entry in spec_of(action).items() if entry.get("required")
    }
    return {**needed, **more}


@pytest.mark.parametrize(("name", "option"), options())
@pytest.mark.parametrize("written", VALUES)
def test_no_option_takes_for_text_what_is_none(name: str, option: str, written: str) -> None:
    entry = spec_of(name)[option]
    value = [VALUES[written]] if entry.get("type") == "list" else VALUES[written]
    with pytest.raises(AnsibleActionFail) as refused:
        inputs.validated(Action(name, {}), given(name, **{option: value}), spec_of(name))
    said = str(refused.value)
    assert f"{name}_{option}" in said
    assert "in quotes" in said
    assert not entry.get("no_log") or f"({VALUES[written]})" not in said, "a secret is told to nobody"


@pytest.mark.parametrize(("name", "option"), options())
def test_quotes_that_were_typed_into_a_survey_keep_a_text(name: str, option: str) -> None:
    entry = spec_of(name)[option]
    if entry.get("choices") or entry.get("no_log"):
        return
    value = ['"1.10"'] if entry.get("type") == "list" else '"1.10"'
    found = inputs.validated(Action(name, {}), given(name, **{option: value}), spec_of(name))[option]
    assert (found if isinstance(found, list) else [found]) == ["1.10"]


def test_a_password_keeps_its_quotes() -> None:
    found = inputs.validated(Action("rollout", {}), given("rollout", registry_password='"a"'), spec_of("rollout"))
    assert found["registry_password"] == '"a"'


@pytest.mark.parametrize("name", ACTIONS)
def test_numbers_may_come_as_text_and_true_is_none(name: str) -> None:
    numbers = [option for option, entry in spec_of(name).items() if entry.get("type") in texts.NUMBERS]
    for option in numbers:
        assert inputs.validated(Action(name, {}), given(name, **{option: "3"}), spec_of(name))[option] == 3
        with pytest.raises(AnsibleActionFail, match="must be a number"):
            inputs.validated(Action(name, {}), given(name, **{option: True}), spec_of(name))


def test_the_variable_is_named_that_the_user_wrote() -> None:
    variables = {"muster_rack": 7, "verify_domains": ["gpu", True]}
    module = importlib.import_module("ansible_collections.muster.fleet.plugins.action.verify")
    with pytest.raises(AnsibleActionFail) as refused:
        inputs.options(Action("verify", {}), variables, module.ARGUMENTS, module.INVENTORY)
    assert 'muster_rack: "7"' in str(refused.value)
    assert 'verify_domains[1]: "true"' in str(refused.value)


@pytest.mark.parametrize("zero", [0, 0.0, False])
def test_a_zero_is_no_variable_that_nobody_set(zero: Any) -> None:
    """``rollback_from: 00`` would go back wherever anything runs."""
    module = importlib.import_module("ansible_collections.muster.fleet.plugins.action.rollout")
    variables = {"__muster_role": "rollback", "rollback_from": zero}
    with pytest.raises(AnsibleActionFail, match="rollback_from is "):
        inputs.options(Action("rollout", {"step": "plan"}), variables, module.ARGUMENTS, module.INVENTORY)
    said = {"__muster_role": "rollback", "rollback_from": "", "rollback_max_hosts": 0, "muster_max_hosts": 7}
    found = inputs.options(Action("rollout", {"step": "plan"}), said, module.ARGUMENTS, module.INVENTORY)
    assert (found["from"], found["max_hosts"]) == ("", 7)


def test_a_day_is_a_day() -> None:
    day = inputs.validated(Action("attest", {}), given("attest", expires=datetime.date(2026, 11, 8)), spec_of("attest"))
    assert day["expires"] == "2026-11-08"


@pytest.mark.parametrize(("answer", "typed"), [("1.10", 1.1), ('"1.10"', '"1.10"'), ("tag:1.10", "tag:1.10")])
def test_what_survives_a_survey(answer: str, typed: Any) -> None:
    """AWX writes the answer as it was typed, in single quotes only where it must."""
    written = f"deploy_tag: {answer}" if answer[0] != '"' else f"deploy_tag: '{answer}'"
    assert yaml.safe_load(written)["deploy_tag"] == typed
    if isinstance(typed, str):
        assert texts.tag(texts.bare(typed, {"type": "str"})) == "1.10"
