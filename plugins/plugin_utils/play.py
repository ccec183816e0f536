# Copyright (c) 2026 the muster.fleet authors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What the plays of a playbook take for their hosts, and with it the beginning and the end of a run.

Ansible works out the hosts of every play, whatever tags, limit or start point leave of its tasks. So a run begins
there, before a host is asked, and there it is refused to end when nothing was judged.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from ansible import context
from ansible.module_utils.parsing.convert_bool import boolean

from . import done, reported, rundir, troubles
from .files import BadInput
from .refusals import SITE
from .rollout.files import Papers

RUNS = (*rundir.JUDGING, "capture")  # these ask hosts and keep what they answer in a directory of runs
ROLES = {"bringup": ("bringup", "verify"), "rollback": ("rollback", "deploy"), "deploy": ("deploy",)}
LISTINGS = ("syntax", "listhosts", "listtasks", "listtags")  # nothing runs then, and nothing is to be noted
IMPLICIT = {"localhost", "127.0.0.1", "::1"}  # Ansible knows them without an inventory
ODD = set(",:[]!&~*?{} ")  # in a pattern these mean something
PLAYBOOKS = Path(__file__).resolve().parents[2] / "playbooks"
FAILED = "The task that reports this run failed, so it does not pass; what was kept is reported by its last play."
NOTHING = "Nothing was judged or done in this run, so nothing passes"


class Play:
    """The hosts of one play; ``matching`` resolves a pattern of hosts, ``template`` a variable's value."""

    def __init__(
        self, variables: Mapping[str, Any], matching: Callable[[Any], list[str]], template: Callable[[Any], Any]
    ):
        self.variables, self.matching, self.template = variables, matching, template
        self.limit = context.CLIARGS.get("subset")
        self.allowed = [str(name) for name in variables.get("ansible_play_hosts_all") or []]

    def begin(self, kind: str, pattern: Any) -> list[Any]:
        """Let a playbook begin, and return the pattern of its hosts; one that means no host is refused."""
        patterns = list(pattern) if isinstance(pattern, (list, tuple)) else [pattern]
        if is_listing():
            return patterns
        done.forget()
        meant = [name for name in self.matching(pattern) if name in set(self.allowed)]
        if not meant and not self.limit and set(patterns) <= IMPLICIT:
            meant = [str(name) for name in patterns]
        if kind not in RUNS:
            rundir.begin(kind, again=True)
        else:
            self._begin(kind, meant, patterns)
        if left_out():
            self._refuse(kind, left_out())
        if not meant:
            self._nobody(kind, ", ".join(map(str, patterns)))
        return patterns if meant else []

    def _begin(self, kind: str, meant: list[str], patterns: list[Any]) -> None:
        roles = ROLES.get(kind, ("verify",))
        given = {role: self._said(f"{role}_run_id", meant) for role in (*roles, "report")}
        ids = {str(value) for value in given.values() if value}
        if len(ids) > 1 and kind != "capture":
            raise BadInput(f"one run has one id, not {' and '.join(sorted(ids))}")
        places = [self._said(f"{role}_report_dir", meant) for role in roles] + [self._said("muster_report_dir", meant)]
        base = str(next((place for place in places if place), "reports"))
        named = next((str(given[role]) for role in (*roles, "report") if given[role]), None)
        own = rundir.begin(kind, named, base=base, pattern=patterns)
        directory = rundir.RunDirectory(base, own["run_id"])
        if kind in rundir.JUDGING:
            directory.expect(meant, kind, self._scope(kind, roles, meant))
            reported.begin(directory, meant)

    def _scope(self, kind: str, roles: tuple[str, ...], meant: list[str]) -> dict[str, Any] | None:
        """Return what of the checks is asked, where that is not all: a run is compared with its like."""
        asked = ("phases",) if kind == "health" else ("domains", "phases")
        said = {key: [self._said(f"{role}_{key}", meant) for role in roles] for key in asked}
        scope = {key: _listed(next(filter(None, values))) for key, values in said.items() if any(values)}
        return scope or None

    def _nobody(self, kind: str, pattern: str) -> None:
        limit = f" within the limit {self.limit}" if self.limit else ""
        said = f"No host matches {pattern}{limit}: nothing was judged, so nothing passes."
        if kind not in rundir.JUDGING:
            raise BadInput(said)
        is_slice = boolean(self._said("muster_slice", []) or False, strict=False)
        trouble = [] if is_slice else [troubles.Trouble(troubles.JUDGED, said)]  # the verdict fails it
        self._report(trouble, slice=is_slice)

    def _refuse(self, kind: str, said: str) -> None:
        if kind in rundir.JUDGING:
            self._report([troubles.Trouble(troubles.JUDGED, said)], silent=f"not asked: {said}")
        raise BadInput(said)

    def controller(self, kind: str) -> list[str]:
        """Return one host to stand for the controller, of those that the limit leaves: the play asks no machine."""
        if is_listing():
            return ["localhost"]
        done.forget()
        rundir.begin(kind, again=True)
        if left_out():
            raise BadInput(left_out())
        named = str(self.limit or "").replace(":", ",").split(",")
        return ["localhost"] if not self.limit or "localhost" in named or not self.allowed else self.allowed[:1]

    def hosts(self) -> list[Any]:
        """Return the pattern of hosts of the run that an earlier play began."""
        if is_listing():
            return ["all"]
        self._run()
        return list(rundir.identity()["pattern"])

    def rollout(self) -> list[str]:
        """Return the hosts to deploy to, in their order: none where the plan was refused, or never made."""
        return [host for wave in self._waves() for host in wave]

    def batches(self) -> list[int]:
        """Return the sizes of the batches of a rollout."""
        return [len(wave) for wave in self._waves()] or [1]

    def _waves(self) -> list[list[str]]:
        planned = done.noted(done.PLAN)  # where the hosts' own variables put it: a play that begins knows none of them
        papers = None if is_listing() else Papers(self._run())
        if papers and planned:
            papers = Papers(rundir.RunDirectory(planned["dir"], planned["run_id"]))
        if papers is None or not (papers.path / "fleet.json").exists():
            return []
        waves: list[list[str]] = papers.fleet()["waves"]
        return waves

    def refused(self) -> list[str]:
        """Return the hosts to fail; a run that no task reported is reported here, and refused."""
        if is_listing():
            return []
        if done.noted(done.REPORT) is None:
            self._late()
        refused = (done.noted(done.REPORT) or {})["refused"]
        reachable = {*self.allowed, *(() if self.limit else IMPLICIT)}
        named = [name for name in refused if name in reachable]
        if any(ODD & set(name) and self.matching(name) != [name] for name in named):
            return ["all"]  # a name that no pattern can mean: rather all than not that one
        if named or not refused:
            return named
        if self.allowed or not self.limit:
            return self.allowed[:1] or ["localhost"]
        raise BadInput(next(iter(refused.values())))

    def judged(self) -> list[str]:
        """Refuse a run in which nothing was done; return the hosts on which nothing was."""
        if is_listing():
            return []
        notes, own = done.notes(), rundir.identity()
        if not notes:
            raise BadInput(f"{NOTHING}: tags, a limit or a start point left all of it out.")
        recorded = {name for name in self.allowed if f"record:{name}" in notes}
        return [name for name in self.allowed if name not in recorded] if own["kind"] == "record" and recorded else []

    def _late(self) -> None:
        """Write the report that no task wrote; stop where tags or a start point leave out what fails the hosts."""
        chosen = bool(_chosen())
        said = f"{NOTHING}: {' '.join(_chosen())} left out the task that reports it." if chosen else FAILED
        ours = rundir.identity()["kind"] in rundir.JUDGING
        if ours:
            self._report([troubles.Trouble(troubles.JUDGED, said)])
        if chosen or not ours:
            raise BadInput(said if ours else f"{NOTHING}: no report was written.")

    def _report(self, found: list[troubles.Trouble], **options: Any) -> None:
        directory = self._run()
        directory.expect([], str(rundir.identity()["kind"]))
        expected = self._said("muster_expected_hosts", directory.expected())
        if expected and not str(expected).isdecimal():
            said = f"muster_expected_hosts is {str(expected)!r}, and must be a whole number."
            found = [*found, troubles.Trouble(troubles.NUMBER, said)]
        given = {"expected_hosts": expected if str(expected).isdecimal() else 0, **options}
        reported.report(directory, given, self.variables, found)

    def _run(self) -> rundir.RunDirectory:
        own = rundir.identity()
        if own["kind"] not in rundir.JUDGING:
            raise BadInput(f"{NOTHING}: this playbook is the end of another, which is the one to start.")
        return rundir.RunDirectory(own["base"], own["run_id"])

    def _said(self, name: str, hosts: list[str]) -> Any:
        """Return a variable, as the command line or else the first host that can tell has it."""
        if name in self.variables:
            return self.template(self.variables[name])
        hostvars = self.variables.get("hostvars") or {}
        for host in hosts[:1]:
            try:
                return hostvars[host].get(name)
            except Exception:  # a variable that cannot be read is told of by the task that needs it
                return None
        return None


def _listed(value: Any) -> list[Any]:
    """Return a list as a person may write it on the command line: alone, or with commas."""
    parts = value.split(",") if isinstance(value, str) else value if isinstance(value, (list, tuple)) else [value]
    texts = sorted({str(part).strip() for part in parts}, key=lambda part: (len(part), part))
    return [int(text) if text.isdecimal() else text for text in texts]


def why(host: str) -> str:
    """Return why a host is failed by the verdict; nothing where it is not."""
    refused: dict[str, str] = (done.noted(done.REPORT) or {}).get("refused") or {}
    return refused.get(host) or refused.get(SITE) or ""


def left_out() -> str:
    """Return what the command line leaves out of a playbook of this collection, and how to choose instead; or nothing.

    In a user's own playbook tags and start points are the user's; our plays run there whatever they say.
    """
    if not _chosen() or not any(_is_ours(str(argument)) for argument in context.CLIARGS.get("args") or ()):
        return ""
    return (
        f"{' '.join(_chosen())} would leave parts of this playbook out, and what was left out is not judged: "
        "choose checks by verify_domains or verify_phases, and hosts by --limit or muster_hosts."
    )


def _chosen() -> list[str]:
    """Return the options by which the command line chooses among tasks."""
    given = context.CLIARGS
    return [
        *(f"--tags {tag}" for tag in given.get("tags") or () if tag != "all"),
        *(f"--skip-tags {tag}" for tag in given.get("skip_tags") or ()),
        *([f"--start-at-task {given['start_at_task']!r}"] if given.get("start_at_task") else []),
    ]


def _is_ours(playbook: str) -> bool:
    return playbook.startswith("muster.fleet.") or PLAYBOOKS in Path(playbook).resolve().parents


def is_listing() -> bool:
    """Say whether the command line asks for a listing or the syntax only."""
    return any(context.CLIARGS.get(key) for key in LISTINGS)
