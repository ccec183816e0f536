# Copyright (c) 2026 the muster.fleet authors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Write a profile from golden hosts, by the facts that a run kept. Asks no machine."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from ansible.plugins.action import ActionBase

from ansible_collections.muster.fleet.plugins.plugin_utils import capture, catalogue, done, inputs, rundir
from ansible_collections.muster.fleet.plugins.plugin_utils.files import BadInput, write

READY = ("ready", "degraded")
NAME = re.compile(r"^[a-z0-9][a-z0-9_]*$")
ARGUMENTS: dict[str, dict[str, Any]] = {
    "name": {"type": "str", "required": True},
    "title": {"type": "str"},
    "extends": {"type": "str", "default": "generic"},
    "dest": {"type": "path"},
    "hosts": {"type": "list", "elements": "str", "default": []},
    "report_dir": {"type": "path", "default": "reports"},
    "run_id": {"type": "str"},
    "check_dirs": {"type": "list", "elements": "path", "default": []},
    "profile_dirs": {"type": "list", "elements": "path", "default": []},
    "allow_single": {"type": "bool", "default": False},
    "allow_simulated": {"type": "bool", "default": False},
    "overwrite": {"type": "bool", "default": False},
}
INVENTORY = {"report_dir": "muster_report_dir"}


class ActionModule(ActionBase):
    """Facts of golden hosts in, a profile out."""

    _supports_check_mode = True
    _requires_connection = False

    def run(self, tmp: Any = None, task_vars: Any = None) -> dict[str, Any]:
        """Return where the profile lies, how many values it holds, and on which keys the hosts do not agree."""
        result: dict[str, Any] = super().run(tmp, task_vars)
        variables = task_vars or {}
        options = inputs.options(self, variables, ARGUMENTS, INVENTORY)
        options["dest"] = options["dest"] or f"profiles/{options['name']}.yml"
        options["hosts"] = options["hosts"] or variables.get("ansible_play_hosts_all") or []
        try:
            said, text = _captured(options)
            dest = Path(options["dest"]).expanduser().absolute()
            before = _before(dest, options["overwrite"])
            if before != text and not self._task.check_mode:
                write(dest, text)
        except BadInput as error:
            return dict(result, failed=True, msg=str(error))
        done.note("capture")
        if self._task.diff:
            said["diff"] = {"before": before, "after": text, "before_header": str(dest), "after_header": str(dest)}
        return dict(result, changed=before != text, dest=str(dest), **said)


def _captured(options: dict[str, Any]) -> tuple[dict[str, Any], str]:
    if not NAME.match(options["name"]) or Path(options["dest"]).stem != options["name"]:
        raise BadInput(f"{options['name']}: a profile's name is lower-case letters, digits and _, and names its file")
    extends = catalogue.profile(options["extends"], [Path(place) for place in options["profile_dirs"]])
    checks = catalogue.checks(Path(place) for place in options["check_dirs"])
    run = _run(options)
    records = {record["name"]: record for record in run.records()}
    facts = _facts(run, records, options)
    simulated = [host for host in facts if records[host]["simulated"]]
    if simulated and not options["allow_simulated"]:
        raise BadInput(f"{', '.join(simulated)}: simulated; a profile of them is for tests only (allow_simulated)")
    found = capture.capture(checks, facts, extends)
    head = {
        "name": options["name"],
        "title": options["title"] or options["name"],
        "extends": options["extends"],
        "run": run.run_id,
        "hosts": list(facts),
        "simulated": bool(simulated),
        "not_ready": [host for host in facts if records[host]["verdict"] not in READY],
    }
    said = {
        "hosts": head["hosts"],
        "run_id": run.run_id,
        "simulated": head["simulated"],
        "not_ready": head["not_ready"],
        "values": len(found.agreed),
        "differ": sorted(found.differ),
    }
    return said, capture.text(head, found)


def _facts(run: rundir.RunDirectory, records: dict[str, Any], options: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """Return the facts of every golden host; one that gave none is an error, it cannot agree with anything."""
    names = sorted(set(options["hosts"]))
    if len(names) < 2 and not options["allow_single"]:
        raise BadInput(f"{len(names)} golden hosts: what one machine shows may be its own fault (allow_single)")
    found = {name: run.facts(name) if name in records else None for name in names}
    silent = [name for name, facts in found.items() if facts is None]
    if silent or not names:
        raise BadInput(f"{', '.join(silent) or 'no host'}: gave no facts in run {run.run_id}")
    return {name: facts for name, facts in found.items() if facts is not None}


def _run(options: dict[str, Any]) -> rundir.RunDirectory:
    """Return the run that is meant: a named one, this playbook's own, or else the latest."""
    base = options["report_dir"]
    for run_id in (options["run_id"], rundir.identity()["run_id"]):
        run = rundir.RunDirectory(base, run_id) if run_id else None
        if run and run.path.is_dir():
            return run
        if options["run_id"]:
            raise BadInput(f"{Path(base).absolute() / run_id}: there is no such run")
    newest = rundir.latest(base)
    if newest is None:
        raise BadInput(f"{Path(base).absolute()}: holds no run to capture from")
    return newest


def _before(dest: Path, overwrite: bool) -> str:
    """Return what the file holds; one that a person wrote is not replaced unasked."""
    try:
        text = dest.read_text(encoding="utf-8") if dest.exists() else ""
    except (OSError, UnicodeDecodeError) as error:
        raise BadInput(f"{dest}: cannot be read: {error}") from error
    if text and capture.MARK not in text and not overwrite:
        raise BadInput(f"{dest}: is there, and was not captured; overwrite it only when you mean to (overwrite)")
    return text
