# Copyright (c) 2026 the muster.fleet authors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Write a run's reports: records of hosts in, files and one verdict out. Asks no machine."""

from __future__ import annotations

import contextlib
import gc
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import yaml
from ansible.plugins.action import ActionBase
from ansible.utils.display import Display

from ansible_collections.muster.fleet.plugins.module_utils.judge.results import GRAVE
from ansible_collections.muster.fleet.plugins.plugin_utils import inputs, progress, rundir, site_rows, slices
from ansible_collections.muster.fleet.plugins.plugin_utils import run as runs
from ansible_collections.muster.fleet.plugins.plugin_utils.attestations import beside_inventory
from ansible_collections.muster.fleet.plugins.plugin_utils.attested_rows import Papers
from ansible_collections.muster.fleet.plugins.plugin_utils.compared import compared
from ansible_collections.muster.fleet.plugins.plugin_utils.files import SHARED, BadInput, write
from ansible_collections.muster.fleet.plugins.plugin_utils.printable import says_printable
from ansible_collections.muster.fleet.plugins.plugin_utils.report import findings, write_all
from ansible_collections.muster.fleet.plugins.plugin_utils.rollout import fleet

display = Display()
ROOT = Path(__file__).parents[2]
READY = ("ready", "degraded")
SITE = "site"  # stands beside the hosts in what a run fails
UNASKED: dict[str, Any] = {"fleet": [], "fleet_checks": {}, "site": None}
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
    "merge": {"type": "list", "elements": "str", "default": []},
    "merge_hosts": {"type": "list", "elements": "str", "default": []},
}
INVENTORY = {
    "dir": "muster_report_dir",
    "expected_hosts": "muster_expected_hosts",
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
                return dict(result, changed=False, **_reported(options, variables))
        except BadInput as error:
            return dict(result, failed=True, msg=str(error))


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


def _reported(options: dict[str, Any], variables: Mapping[str, Any]) -> dict[str, Any]:
    rundir.sweep(options["dir"])
    directory, started = _directory(options)
    earlier, finished, merged = _earlier(options, directory), rundir.now(), slices.of(directory)
    records, expected = directory.records(), directory.expected()
    meta: dict[str, Any] = {
        "run_id": directory.run_id,
        "started": slices.started(merged) or started or finished,
        "finished": finished,
        "collection_version": version(),
        "report": str(directory.path / "index.html"),
        "catalogue": {name: entry for record in records for name, entry in record["catalogue"].items()},
        "inventory": _places(set(expected) - {record["name"] for record in records}, variables),
    }
    beside = compared(directory, records, options)
    site = UNASKED if _deploys(records) else _site(options, variables, finished)
    meta |= {
        **site,
        "fleet": slices.rows(merged) + beside["fleet"] + site["fleet"] + fleet.beside(records, finished),
        "fleet_checks": slices.checks(merged) | beside["fleet_checks"] | site["fleet_checks"],
        "merged": merged,
    }
    run = runs.assemble(records, expected, meta, earlier)
    lines = runs.closing_lines(run)
    write(directory.path / "closing.txt", "\n".join(lines) + "\n", SHARED)
    write_all(run, directory.path)  # last, and of it run.json: a run that has one has all of its report
    progress.forget(directory)
    directory.point_latest()
    display.display("\n" + "\n".join(lines) + "\n")
    return {
        "verdict": run["verdict"],
        "counts": run["counts"],
        "simulated": run["simulated"],
        "report": meta["report"],
        "refused": refused(run, options["expected_hosts"]),
        "ansible_stats": {"data": {"muster_summary": runs.summary(run)}, "aggregate": True, "per_host": False},
    }


def _earlier(options: dict[str, Any], directory: rundir.RunDirectory) -> dict[str, Any] | None:
    """Return the document of the run before this one, if it can be compared."""
    before = rundir.latest(options["dir"])
    document = before.document() if before and before.run_id != directory.run_id else None
    strange = runs.strange(before, document) if before and document else None
    if strange:
        display.warning(strange)
    return None if strange else document


def _site(options: Mapping[str, Any], variables: Mapping[str, Any], at: str) -> dict[str, Any]:
    """Return what the site shows and attests, judged."""
    papers = Papers(
        beside_inventory(options["attestations"], "attestations", variables),
        beside_inventory(options["signers"], "allowed_signers", variables),
        named=bool(options["attestations"]),
        site=options["site"],
    )
    return site_rows.judged(options["site_dir"], at, papers)


def _deploys(records: list[dict[str, Any]]) -> bool:
    """Say whether a run deployed a service instead of verifying machines: then the site has nothing to show."""
    return bool(records) and not any(record.get("compared", True) for record in records)


def _places(silent: set[str], variables: Mapping[str, Any]) -> dict[str, Any]:
    """Return where the hosts without a record stand, as the inventory knows it."""
    hostvars = variables.get("hostvars") or {}
    known = {name: hostvars[name] for name in silent if name in hostvars}
    return {
        name: {
            key: found.get(f"muster_{key}")
            for key in ("rack", "slot", "class")
            if found.get(f"muster_{key}") is not None
        }
        for name, found in known.items()
    }


def _directory(options: dict[str, Any]) -> tuple[rundir.RunDirectory, str | None]:
    """Return the run that is meant (a named one, this playbook's own, or else the latest) and when it started."""
    base = options["dir"]
    own = rundir.identity()
    if options["merge"]:
        directory = rundir.RunDirectory(base, options["run_id"] or own["run_id"])
        slices.merge(options["merge"], directory, options["merge_hosts"])
        return directory, None
    for run_id, started in ((options["run_id"], None), (own["run_id"], own["started"])):
        if run_id:
            directory = rundir.RunDirectory(base, run_id)
            if directory.path.is_dir():
                known = directory.document() or {}
                return directory, known.get("started") or started
            if options["run_id"]:
                raise BadInput(f"{directory.path}: there is no such run")
    newest = rundir.latest(base)
    if newest is None:
        raise BadInput(f"{Path(base).absolute()}: holds no run to report")
    return newest, (newest.document() or {}).get("started")


def refused(run: dict[str, Any], expected: int) -> dict[str, str]:
    """Return why each host is to be failed that is."""
    if expected and expected != len(run["hosts"]):
        said = f"The run has {len(run['hosts'])} hosts, muster_expected_hosts says {expected}."
        return dict.fromkeys(run["hosts"], said)
    if runs.exit_ok(run):
        return {}
    if all(host["simulated"] and host["planted"] is not None for host in run["hosts"].values()):
        return _unequal(run["planted"]) | _of_slices(run)
    found = {name: _why(name, host) for name, host in run["hosts"].items() if host["verdict"] not in READY}
    found = _beside_others(run) | found | _without_hosts(run)
    return found or {SITE: f"The run is {run['verdict'].replace('_', ' ')}, though no host alone is."}


def _beside_others(run: dict[str, Any]) -> dict[str, str]:
    """Return why hosts are to be failed for what they show beside the others, ready or not by themselves."""
    said: dict[str, str] = {}
    for row in findings.of_rows(run["fleet"]):
        if row["severity"] in GRAVE:
            for name in row["hosts"]:
                said.setdefault(name, f"{name} beside the others: {row['message'][:300]}")
    return said


def _without_hosts(run: dict[str, Any]) -> dict[str, str]:
    """Return why the site as a whole fails: findings that are no host's keep a run from ending green."""
    rows = [row for row in findings.of_rows(run["fleet"]) if not row["hosts"] and row["severity"] in GRAVE]
    more = f" (and {len(rows) - 1} more)" if len(rows) > 1 else ""
    return {SITE: f"{SITE}: {rows[0]['message'][:300]}{more}"} if rows else {}


def _of_slices(run: dict[str, Any]) -> dict[str, str]:
    """Return that slices are missing: in a simulated run, too, something else than what was planted is wrong then."""
    return _without_hosts({"fleet": [row for row in run["fleet"] if row["id"] == slices.CHECK]})


def _unequal(planted: dict[str, Any]) -> dict[str, str]:
    said: dict[str, list[str]] = {}
    for kind in ("missed", "extra"):
        for entry in planted[kind]:
            said.setdefault(entry["host"], []).append(f"{kind} {entry['id']} ({entry['status']})")
    return {
        host: f"{host}: findings differ from what was planted: {', '.join(what[:6])}" for host, what in said.items()
    }


def _why(name: str, host: dict[str, Any]) -> str:
    grave = [row["message"] for row in findings.of_rows(host["results"])]
    first = host["reason"] or (grave[0] if grave else "nothing was judged")
    more = f" (and {len(grave) - 1} more)" if len(grave) > 1 else ""
    return f"{name} is {host['verdict'].replace('_', ' ')}: {first[:300]}{more}"


def version() -> str:
    """Return the version of this collection, from the manifest of an artefact or the galaxy.yml of a checkout."""
    manifest, source = ROOT / "MANIFEST.json", ROOT / "galaxy.yml"
    for path, key in ((manifest, "collection_info"), (source, None)):
        if path.is_file():
            found = yaml.safe_load(path.read_text(encoding="utf-8"))
            return str((found[key] if key else found)["version"])
    return "unknown"
