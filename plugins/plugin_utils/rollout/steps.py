# Copyright (c) 2026 the muster.fleet authors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The steps of a rollout. What one step found out, the next reads in the run's directory, so plays may lie between."""

from __future__ import annotations

import getpass
import os
import time
from collections.abc import Mapping
from typing import Any

from ansible.errors import AnsibleConnectionFailure
from ansible.utils.display import Display

from ...module_utils.judge.results import DEGRADED, READY
from .. import bundle, node, rundir, unjudged
from .. import done as finished
from ..files import BadInput
from . import chain, checklist, deed, fleet, planning, record, waiting
from .files import Papers

display = Display()
MODULE = "muster.fleet.release"
AGAIN = "Mend it there and run again; a rollback renders no templates and is not held to this"
NAMES_ITS_WAY_OUT = ("--limit", "did you mean", "write it in quotes")
PASSED = (READY, DEGRADED)
KEEP_ALIVE = "-o ServerAliveInterval=15 -o ServerAliveCountMax=4"
REGISTRY = {"username": "MUSTER_REGISTRY_USERNAME", "password": "MUSTER_REGISTRY_PASSWORD"}


class Steps:
    """The steps for one host; ``action`` is the action plugin that runs there."""

    def __init__(self, action: Any, variables: Mapping[str, Any], options: Mapping[str, Any]):
        self.action, self.variables, self.options = action, variables, options
        self.host = str(variables["inventory_hostname"])
        self.run = rundir.RunDirectory(options["report_dir"], options["run_id"] or rundir.identity()["run_id"])
        self.papers = Papers(self.run)
        self.check = bool(action._task.check_mode)
        self.diffs: list[Any] = []

    def plan(self) -> dict[str, Any]:
        """Check all that can be checked without the host; what is wrong is noted for the gate."""
        self.run.expect(self._hosts(), "deploy" if self.options["state"] == "present" else "rollback")
        self.run.forget(self.host)  # of an earlier rollout in the same playbook
        self.papers.forget_deed(self.host)
        self.papers.describe(record.CATALOGUE, checklist.told())
        planned, unused = planning.plan(self.action, self.variables, self.options)
        self.papers.keep_plan(self.host, planned)
        for text in planned.get("passed_over") or []:
            display.warning(text)
        return {"changed": False, "problems": planned["problems"], "chain": planned["chain"]}

    def gate(self) -> dict[str, Any]:
        """Return the hosts to go on with, all or none, and the sizes of the batches."""
        meant, hosts = self._hosts(), self._batch()
        plans = {host: self.papers.plan(host) for host in hosts}
        said = unjudged.words([host for host, plan in plans.items() if not plan], self.variables.get("hostvars") or {})
        problems = {
            host: plan["problems"] if plan else [said.get(host, "it was not planned")] for host, plan in plans.items()
        }
        wrong = fleet.refusal(meant, self.variables, self.options["expected_hosts"], self.options["max_hosts"])
        waves: list[list[str]] = []
        if self.options["state"] == "present":
            try:
                waves = fleet.batches(hosts, self.options["canary"], self.options["batch"])
            except BadInput as error:
                wrong = wrong or str(error)
        else:
            waves = [hosts]
        bad = {host: found for host, found in problems.items() if found}
        refused = bool(wrong or bad)
        finished.note(finished.PLAN, dir=str(self.run.base), run_id=self.run.run_id)
        self.papers.keep_fleet({"waves": [] if refused else waves, "check": self.check})
        for host in hosts if refused else []:
            self._keep(host, plans[host] or planning.empty(host, self.options), _refused(host, wrong, bad))
        return {
            "changed": False,
            "hosts": [] if refused else hosts,
            "batches": [len(wave) for wave in waves],
            "problems": [wrong] if wrong else sorted({text for found in bad.values() for text in found})[:20],
        }

    def apply(self) -> dict[str, Any]:
        """Deploy or roll back on this host, unless an earlier batch came to grief."""
        waves = self.papers.fleet()["waves"]
        if not any(self.host in wave for wave in waves):
            return {"changed": False, "outcome": deed.REFUSED, "msg": "nothing was touched: see the report"}
        plan = self.papers.plan(self.host) or {}
        grief = self._grief(self._ahead(waves)) if self._gated(plan) else None
        if grief:
            done = deed.new(self.host, deed.NOT_ATTEMPTED, f"not attempted, because {grief}", check=self.check)
        else:
            done = self._done(plan)
        return self._result(self._keep(self.host, plan, done))

    def settle(self) -> dict[str, Any]:
        """Lead this host back when this run deployed there and the fleet did not make it."""
        waves = self.papers.fleet()["waves"]
        plan = self.papers.plan(self.host) or {}
        done = self.papers.deed(self.host) or deed.new(self.host, deed.NO_ANSWER, "no outcome was noted")
        grief = self._grief([host for wave in waves for host in wave]) if waves and self._gated(plan) else None
        if grief is None or not deed.committed(done):
            return {"changed": False, "outcome": done["outcome"]}
        try:
            order = self._order(planning.services(self.action, self.variables)[0], plan["chain"])
            settled = chain.settle(order, done, grief)
        except AnsibleConnectionFailure as error:
            self._keep(self.host, plan, _left(done, deed.UNREACHABLE, _unreachable(error)))
            raise
        except Exception as error:  # whatever happens here must not keep the other hosts from being led back
            settled = _left(done, deed.NO_ANSWER, f"{type(error).__name__}: {error}")
        return self._result(self._keep(self.host, plan, settled))

    def _done(self, plan: Mapping[str, Any]) -> deed.Deed:
        started = time.monotonic()
        try:
            planned = {key: plan[key] for key in planning.ASKED}
            known, rendered = planning.ready(self.action, self.variables, {**self.options, **planned})
            order = self._order(known, plan["chain"])
            if plan["state"] == "present":
                done = chain.deploy(order, plan["tag"], rendered, self._registry())
            else:
                done = chain.roll_back(order, plan["to"], plan["from"])
        except AnsibleConnectionFailure as error:
            lost = deed.new(self.host, deed.UNREACHABLE, _unreachable(error), reached=False, check=self.check)
            self._keep(self.host, plan, lost)
            raise
        except Exception as error:  # a host never fails the play: whole batches that fail would end it
            done = deed.new(self.host, deed.NO_ANSWER, f"{type(error).__name__}: {error}"[:500], check=self.check)
        return {**done, "took_s": round(time.monotonic() - started, 1)}

    def _order(self, known: Mapping[str, Any], names: list[str]) -> chain.Order:
        common = {
            "run_id": self.run.run_id,
            "who": self.options["who"] or _user(self.variables),
            "why": self.options["why"],
            "state_dir": self.options["state_dir"],
            "lease_s": self.options["lease_s"],
            "socket": self.options["socket"],
        }
        given = {key: value for key, value in common.items() if value is not None}
        return chain.Order(self.host, self.run.run_id, names, known, given, self._call, self.check)

    def _call(self, arguments: dict[str, Any]) -> Mapping[str, Any]:
        _keep_alive(self.action._connection)
        at_work = waiting.told(self.papers.path / "at-work", self.host, _about(arguments), display.display)
        try:
            with (
                at_work,
                node.alarm(self.options["timeout_s"]),
            ):  # a machine without power says nothing, and ssh waits for ever
                returned: dict[str, Any] = self.action._execute_module(
                    module_name=MODULE, module_args=arguments, task_vars=self.variables
                )
        except bundle.NoAnswer as error:
            raise AnsibleConnectionFailure(str(error)) from error
        found = returned.get("diff") or []
        self.diffs += found if isinstance(found, list) else [found]
        return returned

    def _registry(self) -> dict[str, str] | None:
        given = {key: self.options[f"registry_{key}"] or os.environ.get(name) for key, name in REGISTRY.items()}
        return {key: value for key, value in given.items() if value} or None

    def _keep(self, host: str, plan: Mapping[str, Any], done: deed.Deed) -> deed.Deed:
        """Keep the deed, and the record that the report reads."""
        made = record.record(plan, done, planning.of_plan(plan), rundir.now())
        done.setdefault("verdict", made["verdict"])  # that of the deploy: it is what the others go by
        self.papers.keep_deed(host, done)
        self.run.keep(made, None)
        return done

    def _gated(self, plan: Mapping[str, Any]) -> bool:
        """Say whether hosts wait for each other: a dry run tells of all, a way back is held up by nobody."""
        return plan.get("state") == "present" and not self.check

    def _grief(self, hosts: list[str]) -> str | None:
        """Return what became of the first of these hosts that did not make it."""
        for host in hosts:
            done = self.papers.deed(host)
            if done is None:
                return f"nobody knows what became of {host}"
            if done["outcome"] not in deed.GOOD and done["outcome"] != deed.NOT_ATTEMPTED:
                return f"{host} is {done['outcome'].replace('_', ' ')}"
            if done["outcome"] in deed.GOOD and done["verdict"] not in PASSED:
                return f"{host} is {done['verdict'].replace('_', ' ')} after it"
        return None

    def _hosts(self) -> list[str]:
        return [str(host) for host in self.variables.get("ansible_play_hosts_all") or [self.host]]

    def _batch(self) -> list[str]:
        return [str(host) for host in self.variables.get("ansible_play_batch") or self._hosts()]

    def _ahead(self, waves: list[list[str]]) -> list[str]:
        """Return the hosts that this one waits for: those of earlier batches, and none of its own."""
        beside = set(self._batch())
        return [host for host in fleet.ahead_of(self.host, waves) if host not in beside]

    def _result(self, done: deed.Deed) -> dict[str, Any]:
        told = done["settled"] or done
        result = {"changed": bool(told["changed"]), "outcome": told["outcome"]}
        return {
            **result,
            "msg": told["message"],
            "verdict": done["verdict"],
            **({"diff": self.diffs} if self.diffs else {}),
        }


def _refused(host: str, wrong: str | None, bad: Mapping[str, list[str]]) -> deed.Deed:
    own = bad.get(host)
    if wrong or own:
        text = wrong or "; ".join(own or [])
    else:
        other, found = next(iter(bad.items()))
        text = f"because of {other}: {found[0]}"
    text = text if any(word in text for word in NAMES_ITS_WAY_OUT) else f"{text}. {AGAIN}"
    return deed.new(host, deed.REFUSED, f"nothing was touched on any host: {text}"[:2000])


def _left(done: deed.Deed, outcome: str, error: str) -> deed.Deed:
    """Return the deed of a host that could not be led back: nobody knows which release runs there."""
    why = "" if error == done["message"] else f": {error[:300]}"
    message = (
        f"it was not led back and may run the old release or the new{why}; its journal recovers it at next contact"
    )
    return {**done, "reached": False, "settled": {"outcome": outcome, "message": message, "changed": False}}


def _unreachable(error: AnsibleConnectionFailure) -> str:
    return f"unreachable: {str(error.message).rstrip(': ')}"


def _keep_alive(connection: Any) -> None:
    """Let ssh notice within a minute that a machine has frozen; what a user gave it comes first and so holds."""
    if getattr(connection, "transport", None) == "ssh":
        given = connection.get_option("ssh_extra_args") or ""
        if KEEP_ALIVE not in given:
            connection.set_option("ssh_extra_args", f"{given} {KEEP_ALIVE}".strip())


def _about(arguments: Mapping[str, Any]) -> str:
    """Return what is done on a node in few words, with how long its gate may take."""
    service = arguments.get("service") or {}
    does = {"present": f"deploy of {arguments.get('tag')}", "rolled_back": "rollback"}
    what = f"{arguments['name']}, {does.get(arguments['state'], arguments['state'])}"
    if not service:
        return what
    return f"{what} (gate up to {service['gate']['timeout_s']:g} s, watch window {service['watch_s']:g} s)"


def _user(variables: Mapping[str, Any]) -> str:
    return str(variables.get("awx_user_name") or variables.get("tower_user_name") or getpass.getuser())
