# Copyright (c) 2026 the muster.fleet authors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Write a run's reports: records of hosts in, files and one verdict out. Asks no machine."""

from __future__ import annotations

import contextlib
import gc
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from ansible.plugins.action import ActionBase

from ansible_collections.muster.fleet.plugins.plugin_utils import inputs, reported, rundir, slices
from ansible_collections.muster.fleet.plugins.plugin_utils import run as runs
from ansible_collections.muster.fleet.plugins.plugin_utils.files import BadInput
from ansible_collections.muster.fleet.plugins.plugin_utils.printable import says_printable
from ansible_collections.muster.fleet.plugins.plugin_utils.refusals import SITE, refused

__all__ = ["ARGUMENTS", "INVENTORY", "SITE", "ActionModule", "refused"]

REFUSED_SHOWN = 20  # what goes through Ansible's queue and into its events stays small, however many are refused
ARGUMENTS: dict[str, dict[str, Any]] = {
    "dir": {"type": "path", "default": "reports"},
    "run_id": {"type": "str"},
    "expected_hosts": {"type": "int", "default": 0},
    "cable_plan": {"type": "path"},
    "fabric": {"type": "path"},
    "accepted_run": {"type": "str"},
    "fleet_dirs": {"type": "list", "elements": "path", "default": []},
    "waivers": {"type": "path"},
    "site_dir": {"type": "path"},
    "attestations": {"type": "path"},
    "site": {"type": "str"},
    "signers": {"type": "path"},
    "fail": {"type": "bool", "default": True},
    "slice": {"type": "bool", "default": False},
    "merge": {"type": "list", "elements": "str", "default": []},
    "merge_hosts": {"type": "list", "elements": "str", "default": []},
}
INVENTORY = {
    "dir": "muster_report_dir",
    "expected_hosts": "muster_expected_hosts",
    "slice": "muster_slice",
    "waivers": "verify_waivers",
    "attestations": "muster_attestations",
    "site": "muster_site",
    "signers": "muster_allowed_signers",
}


class ActionModule(ActionBase):
    """Records of a run in, reports out."""

    _supports_check_mode = True
    _requires_connection = False

    @says_printable
    def run(self, tmp: Any = None, task_vars: Any = None) -> dict[str, Any]:
        """Return verdict, counts, what to refuse which host for, and the statistics that AWX keeps."""
        result: dict[str, Any] = super().run(tmp, task_vars)
        variables = task_vars or {}
        options = inputs.options(self, variables, ARGUMENTS, INVENTORY)
        try:
            with _uncollected():
                told = reported.report(_directory(options), options, variables)
        except BadInput as error:
            return dict(result, failed=True, msg=str(error))
        return dict(result, changed=False, **_result(told))


def _result(told: reported.Told) -> dict[str, Any]:
    first = list(told.refused.items())[:REFUSED_SHOWN]
    summary = runs.summary(told.run, refused=told.refused)
    return {
        "verdict": told.run["verdict"],
        "counts": told.run["counts"],
        "simulated": told.run["simulated"],
        "report": told.run["report"],
        "refused": {name: said[:200] for name, said in first},
        "refused_cut": len(told.refused) - len(first),
        "ansible_stats": {"data": {"muster_summary": summary}, "aggregate": True, "per_host": False},
    }


@contextlib.contextmanager
def _uncollected() -> Iterator[None]:
    """Spare the garbage collector millions of rows that all live to the end: looking through them is a fifth of it."""
    was = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was:
            gc.enable()


def _directory(options: Mapping[str, Any]) -> rundir.RunDirectory:
    """Return the run that is meant: a named one, this playbook's own, or else the latest.

    A playbook that asks hosts reports its own run or none: what it left out is not replaced by an older run.
    """
    base, own = options["dir"], rundir.identity()
    if options["merge"]:
        into = rundir.RunDirectory(base, options["run_id"] or own["run_id"])
        slices.merge(options["merge"], into, options["merge_hosts"])
        return into
    if own["kind"] in rundir.JUDGING and options["run_id"] not in (None, own["run_id"]):
        raise BadInput(f"report_run_id names run {options['run_id']}, and this is run {own['run_id']}")
    directory = rundir.RunDirectory(base, options["run_id"] or own["run_id"])
    if directory.path.is_dir():
        return directory
    if options["run_id"] or own["kind"] in rundir.JUDGING:
        raise BadInput(f"{directory.path}: there is no such run")
    newest = rundir.latest(base)
    if newest is None:
        raise BadInput(f"{Path(base).absolute()}: holds no run to report")
    return newest
