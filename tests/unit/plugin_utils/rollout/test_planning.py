# Copyright (c) 2026 the muster.fleet authors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Everything that can be wrong is said before a host is asked, with service, host and template in it."""

from __future__ import annotations

import copy
import json

import pytest
import yaml

from ansible_collections.muster.fleet.plugins.plugin_utils.files import BadInput
from ansible_collections.muster.fleet.plugins.plugin_utils.rollout import planning, render

from .conftest import Action

SERVICES = {
    "queue": {
        "image": "r.example.com/queue",
        "env": {"LEVEL": 1},
        "env_template": "queue.env.j2",
        "required_env": ["HOST", "PASS"],
        "config": [{"template": "c.j2", "dest": "/etc/c"}],
        "preflight": {"ci_status": {"file": "ci.json"}},
        "dependants": ["consumer"],
    },
    "consumer": {"image": "r.example.com/consumer"},
}
ASKED = {"service": "queue", "tag": "1.4.2", "state": "present", "to": 1, "from": "", "template_dir": None}


def plan(place, services=None, asked=None, **variables):
    given = {"inventory_hostname": "n1", "inventory_dir": str(place / "rack"), "mq": "mq1", "secret": "hunter2",
             "muster_rack": "a01", "deploy_services": services or SERVICES, **variables}  # fmt: skip
    action = Action(given)
    return planning.plan(action, action.variables, {**ASKED, **(asked or {})})


def test_a_plan_without_problems(place):
    made, rendered = plan(place)
    assert made["problems"] == []
    assert (made["chain"], made["rack"]) == (["queue", "consumer"], "a01")
    assert rendered.env == {"HOST": "mq1", "PASS": "hunter2", "LEVEL": "1"}
    assert rendered.files == [
        {"dest": "/etc/c", "content": "queue 1.4.2 hunter2\n", "mode": "0640", "owner": "root", "group": "root"}
    ]
    assert {answer["id"]: answer["status"] for answer in made["answers"]} == {
        "release.pre.ci": "pass", "release.pre.env": "pass", "release.pre.config": "pass",
    }  # fmt: skip


def test_a_plan_holds_no_secret(place):
    services = copy.deepcopy(SERVICES)
    services["queue"]["env"]["PASS2"] = "{{ secret }}"
    assert "hunter2" not in json.dumps(plan(place, services)[0])


def test_the_example_to_copy_is_right(place, checkout):
    example = checkout / "inventories" / "example"
    services = yaml.safe_load((example / "group_vars" / "all.yml").read_text())["deploy_services"]
    asked = {"service": "annotation_queue", "template_dir": str(checkout / "inventories" / "example-services")}
    del services["annotation_queue"]["preflight"]["cve_scan"]  # an address
    made, rendered = plan(place, services, asked, rabbitmq_password="x", queue_log_level="debug")
    assert made["problems"] == []
    assert rendered.env["LOG_LEVEL"] == "debug"
    assert plan(place, services, {**asked, "service": "rabbitmq"}, rabbitmq_password="x")[0]["chain"] == [
        "rabbitmq", "annotation_queue",
    ]  # fmt: skip


ASKED_WRONGLY = {
    "no such service": ({"service": "quue"}, "n1: there is no service 'quue'; did you mean queue?"),
    "no service": ({"service": ""}, "n1: deploy_service names none (deploy_services has consumer, queue)"),
    "no tag": ({"tag": ""}, "service queue on n1: deploy_tag does not say which release"),
    "bad tag": ({"tag": "a b"}, "service queue on n1: deploy_tag 'a b' is no tag"),
    "steps": ({"state": "rolled_back", "to": 0}, "n1: rollback_to is a number of releases, at least 1, not 0"),
}


@pytest.mark.parametrize("name", ASKED_WRONGLY)
def test_what_is_asked_for_wrongly(place, name):
    asked, said = ASKED_WRONGLY[name]
    (problem,) = plan(place, asked=asked)[0]["problems"]
    assert problem.startswith(said)


DESCRIBED_WRONGLY = {
    "unknown key": ("consumer", {"imagee": "x"}, "service consumer on n1: imagee: unknown key, did you mean image?"),
    "type": ("consumer", {"watch_s": "long"}, "service consumer on n1: watch_s: must be a number, not a text"),
    "circle": ("queue", {"depends_on": ["consumer"]}, "n1: services depend on each other in a circle: "),
    "undefined": ("consumer", {"env": {"A": "{{ nowhere }}"}}, "service consumer on n1: 'nowhere' is undefined"),
    "no template": ("queue", {"env_template": "no.j2"}, "service queue on n1: template no.j2: there is no such file"),
    "no scan": ("queue", {"preflight": {"cve_scan": {"file": "s"}}}, "service queue on n1: file s: No such file"),
    "required": ("queue", {"required_env": ["NEW"]}, "service queue on n1: no value for NEW"),
}


@pytest.mark.parametrize("name", DESCRIBED_WRONGLY)
def test_what_is_described_wrongly(place, name):
    service, change, said = DESCRIBED_WRONGLY[name]
    services = copy.deepcopy(SERVICES)
    services[service].update(change)
    (problem,) = plan(place, services)[0]["problems"]
    assert problem.startswith(said)


@pytest.mark.parametrize("mark", ["\n", "\r\n", "\r"])
@pytest.mark.parametrize("rest", ["INJECTED=1", "and more", ""])
def test_a_line_break_in_a_value_is_no_other_variable(place, mark, rest):
    (place / "rack-services" / "queue.env.j2").write_text(
        "HOST={{ mq }}\n{% for n in [1, 2] %}\nA{{ n }}=x\n{% endfor %}\nPASS=p\n"
    )
    made, rendered = plan(place, mq=f"a{mark}{rest}b")
    (problem,) = made["problems"]
    assert "holds a line break: give it in env" in problem or mark == "\r\n"
    assert "env_template queue.env.j2" in problem
    assert rendered is None
    made, rendered = plan(place, mq="a")
    assert made["problems"] == []
    assert set(rendered.env) >= {"HOST", "A1", "A2", "PASS"}


@pytest.mark.parametrize("key", [True, 8, 1.1])
def test_a_name_that_yaml_made_something_else_of_is_refused(place, key):
    services = copy.deepcopy(SERVICES)
    services["queue"]["env"][key] = "x"
    assert any("write the name in quotes" in text for text in plan(place, services)[0]["problems"])
    assert any(
        "write it in quotes" in text for text in plan(place, {**SERVICES, key: SERVICES["consumer"]})[0]["problems"]
    )


TEMPLATES = {
    "undefined": ("HOST={{ nowhere }}", "template queue.env.j2: 'nowhere' is undefined"),
    "syntax": ("HOST={{ mq", "template queue.env.j2: "),
    "no line": ("HOST={{ mq }}\n{{ secret }}", "env_template queue.env.j2, line 2 of what it renders to: no KEY=VALUE"),
}


@pytest.mark.parametrize("name", TEMPLATES)
def test_a_template_that_is_wrong_is_named_and_its_secrets_are_not(place, name):
    text, said = TEMPLATES[name]
    (place / "rack-services" / "queue.env.j2").write_text(text)
    made, rendered = plan(place)
    (problem,) = made["problems"]
    assert problem.startswith(f"service queue on n1: {said}")
    assert "hunter2" not in problem
    assert rendered is None
    assert [answer["status"] for answer in made["answers"]] == ["fail"]


def test_a_rollback_needs_no_template_and_no_other_service(place):
    services = copy.deepcopy(SERVICES)
    services["consumer"]["imagee"] = 1
    (place / "rack-services" / "queue.env.j2").unlink()
    made, rendered = plan(place, services, {"state": "rolled_back"})
    assert (made["problems"], made["chain"], rendered) == ([], ["queue"], None)


def test_a_rollback_needs_no_description_either(place):
    """What was deployed is known on the host; that somebody broke its entry since then may be why one goes back."""
    services = copy.deepcopy(SERVICES)
    services["queue"]["imagee"] = 1
    made, unused = plan(place, services, {"state": "rolled_back"})
    assert (made["problems"], made["chain"], made["services"]) == ([], ["queue"], {})
    assert "imagee: unknown key" in made["passed_over"][0]
    assert plan(place, services)[0]["problems"], "a deploy needs one"


def test_templates_may_include_others_and_lie_elsewhere(place):
    other = place / "elsewhere"
    other.mkdir()
    (other / "queue.env.j2").write_text("PASS=x\n{% include 'more.j2' %}")
    (other / "more.j2").write_text("HOST={{ mq }}")
    (other / "c.j2").write_text("{{ {'a': 1} | to_json }}")
    (other / "ci.json").write_text("status: ok")
    made, rendered = plan(place, asked={"template_dir": str(other)})
    assert made["problems"] == []
    assert (rendered.env["HOST"], rendered.files[0]["content"]) == ("mq1", '{"a": 1}')


@pytest.mark.parametrize(
    ("line", "value"),
    [
        ("A=b=c", "b=c"),
        ("export A=x", "x"),
        ('A="x y"', "x y"),
        ("A='", "'"),
        ("A=", ""),
        ("  A = x ", "x"),
        ('A=""', ""),
    ],
)
def test_lines_of_an_environment(line, value):
    assert render.env_lines(f"# note\n\n{line}\n", "env") == {"A": value}


@pytest.mark.parametrize("line", ["A", "1A=x", "=x", "A B=x"])
def test_what_is_no_line_of_an_environment(line):
    with pytest.raises(BadInput, match="env, line 1 of what it renders to: no KEY=VALUE"):
        render.env_lines(line, "env")
