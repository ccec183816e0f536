# Copyright (c) 2026 the muster.fleet authors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What a run says in the console when it ends, and what it hands to the scheduler that started it."""

from __future__ import annotations

from typing import Any, Iterator, Mapping

from . import findings
from .terms import COUNTED, DRY_RUN, VERDICT_WORDS
from .text import plain

Run = Mapping[str, Any]

HOSTS_SHOWN = 20
FINDINGS_SHOWN = 3


def summary(run: Run, cap: int = HOSTS_SHOWN, refused: Mapping[str, str] | None = None) -> dict[str, Any]:
    """The run in less than 32 KiB, for ``set_stats``.

    ``refused``: why each host is failed that is. ``failed_hosts`` names at most ``cap`` of those that did not pass or
    are failed, the rest is counted; ``reasons`` says why each of them is failed that passed by itself.
    """
    stopped = dict(refused or {})
    unready = set(findings.not_ready(run))
    failed = [name for name in run["hosts"] if name in unready or name in stopped]
    failed += [name for name in stopped if name not in run["hosts"]]
    reasons = {plain(name, 253): plain(stopped[name], 300) for name in failed[:cap] if name in stopped.keys() - unready}
    return {
        "schema_version": run["schema_version"],
        "run_id": plain(run["run_id"], 200),
        "kind": plain(run["kind"], 60) if run.get("kind") else None,
        "verdict": run["verdict"],
        "reason": plain(run["reason"], 1000) if run["reason"] else None,
        "simulated": run["simulated"],
        "check_mode": bool(run.get("check_mode")),
        "counts": dict(run["counts"]),
        "failed_hosts": [plain(name, 253) for name in failed[:cap]],
        "failed_hosts_cut": max(0, len(failed) - cap),
        "reasons": reasons,
        "report": plain(run["report"], 1000) if run["report"] else None,
        "scores": {phase: score["ready_percent"] for phase, score in run["scores"].items()},
        "planted_equal": run["planted"]["equal"] if run["planted"] else None,
    }


def closing_lines(run: Run) -> list[str]:
    """The lines for the console: verdict first, then each host that did not pass with its worst findings."""
    lines = [headline(run), *([f"  {plain(run['reason'], 500)}"] if run["reason"] and run["hosts"] else [])]
    failed = findings.not_ready(run)
    width = max((len(plain(name, 60)) for name in failed[:HOSTS_SHOWN]), default=0)
    advised: set[str] = set()
    for name in failed[:HOSTS_SHOWN]:
        lines += _host_lines(name, run["hosts"][name], run["catalogue"], width)
        fix = run["hosts"][name].get("fix")
        if fix and fix not in advised:
            lines.append(f"  {'':<{width}}  {'':<9}  do: {plain(fix, 300)}")
            advised.add(fix)
    if len(failed) > HOSTS_SHOWN:
        lines.append(f"  ... and {len(failed) - HOSTS_SHOWN} more hosts, see the report")
    beside = [row for row in findings.of_rows(run["fleet"]) if (row["message"] or "-") not in (run["reason"] or "")]
    for row in beside[:HOSTS_SHOWN]:
        lines.append(f"  fleet  {plain(findings.sentence(row, run['catalogue']), 160)}")
    lines += filter(None, [scope_sentence(run), *_releases(run), merged_sentence(run), site_sentence(run)])
    if run["report"]:
        lines.append(f"report: {plain(run['report'], 500)}")
    return lines + list(_planted_lines(run))


def scope_sentence(run: Run) -> str:
    """What of the checks was asked, where that was not all of them."""
    scope = run.get("scope") or {}
    asked = [f"{key} {', '.join(map(str, scope[key]))}" for key in ("domains", "phases") if scope.get(key)]
    return f"only a part was asked: {plain('; '.join(asked), 300)}" if asked else ""


def _releases(run: Run) -> Iterator[str]:
    """Which release of a service runs on which hosts, in a run that deployed or rolled back."""
    on: dict[tuple[str, str], list[str]] = {}
    for name, host in run["hosts"].items():
        told = host["facts_summary"]
        if told.get("service"):
            on.setdefault((str(told["service"]), str(told.get("runs") or "nothing that is known")), []).append(name)
    for (service, release), names in on.items():
        more = f" and {len(names) - HOSTS_SHOWN} more" if len(names) > HOSTS_SHOWN else ""
        where = ", ".join(plain(name, 60) for name in names[:HOSTS_SHOWN])
        yield f"{plain(service, 60)}: {plain(release, 120)} runs on {where}{more}"


def site_sentence(run: Run) -> str | None:
    """What a site has to show, and whether it was asked."""
    site = run.get("site")
    if not site:
        return None
    people = site["attestations"]
    if site["source"] is None:
        return (
            f"site: {site['items'] + people['items']} items that only a site can show were not asked (report_site_dir)"
        )
    shown = f"site: {site['asked']} of {site['items']} items have evidence named in {plain(site['source'], 300)}"
    return f"{shown}; {people['valid']} of {people['items']} are attested in {plain(people['source'], 300)}"


def merged_sentence(run: Run) -> str | None:
    """Which slices a run was merged from, and which hosts were in several of them."""
    merged = run.get("merged")
    if not merged:
        return None
    parts = [
        f"{plain(entry['name'], 60)} ({_count(entry['hosts'], 'host') if entry['arrived'] else 'never arrived'})"
        for entry in merged["slices"]
    ]
    more = len(parts) - HOSTS_SHOWN
    text = f"merged from {_count(len(parts), 'slice')}: " + ", ".join(parts[:HOSTS_SHOWN])
    text += f" and {more} more" if more > 0 else ""
    twice = [f"{plain(entry['host'], 60)} ({plain(entry['newest'], 60)})" for entry in merged["twice"]]
    if twice:
        text += "; in several, the newest counts: " + ", ".join(twice[:FINDINGS_SHOWN])
        text += f" and {len(twice) - FINDINGS_SHOWN} more" if len(twice) > FINDINGS_SHOWN else ""
    return text


def _count(number: int, what: str) -> str:
    return f"{number} {what}{'' if number == 1 else 's'}"


def headline(run: Run) -> str:
    """One line: the verdict, how many hosts stand where, and whether any of it is real."""
    would = "would be " if run.get("check_mode") else ""
    counts = ", ".join(f"{run['counts'][word]} {would}{VERDICT_WORDS[word].lower()}" for word in COUNTED)
    mark = " (SIMULATED: says nothing about real machines)" if run["simulated"] else ""
    hosts = len(run["hosts"])
    text = f"{hosts} host{'' if hosts == 1 else 's'}: {counts}" if hosts else run["reason"]
    return f"{word(run).upper()}. {text}{mark}"


def word(run: Run) -> str:
    """The verdict in words; a dry run is none, whatever it comes to."""
    said = VERDICT_WORDS[run["verdict"]]
    return f"{DRY_RUN}: would be {said.lower()}" if run.get("check_mode") else said


def planted_sentence(planted: Mapping[str, Any]) -> str:
    """Whether the findings equal what was planted, in one line."""
    count = planted["planted"]
    return (
        f"simulated rack: {count} finding{'' if count == 1 else 's'} planted, {planted['found']} found, "
        f"{len(planted['missed'])} missed, {len(planted['extra'])} extra"
    )


def _host_lines(name: str, host: Run, catalogue: Mapping[str, Any], width: int) -> list[str]:
    found = findings.of_rows(host["results"]) if host["reached"] else []  # its reason says it all
    told = [plain(findings.sentence(row, catalogue), 160) for row in found[:FINDINGS_SHOWN]]
    if host["reason"] or not told:
        told = [plain(host["reason"] or "nothing was judged", 160), *told][:FINDINGS_SHOWN]
    if len(found) > FINDINGS_SHOWN:
        told.append(f"... and {len(found) - FINDINGS_SHOWN} more")
    verdict = VERDICT_WORDS[host["verdict"]].lower()
    first = f"  {plain(name, 60):<{width}}  {verdict:<9}  "
    return [first + told[0]] + [" " * len(first) + line for line in told[1:]]


def _planted_lines(run: Run) -> Iterator[str]:
    planted = run["planted"]
    if planted is None:
        return
    yield planted_sentence(planted)
    for kind in ("missed", "extra"):
        for found in planted[kind][:HOSTS_SHOWN]:
            yield f"  {kind}: {plain(found['host'], 60)}  {plain(found['id'], 100)}  {found['status']}"
