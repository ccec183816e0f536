# Copyright (c) 2026 the muster.fleet authors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""A summary for an issue comment or a chat: verdict, what to do first, the hosts; short enough to be posted."""

from __future__ import annotations

import re
from typing import Any, Iterable, Iterator, Mapping

from . import findings, todo
from .console import merged_sentence, planted_sentence, scope_sentence, site_sentence, word
from .terms import COUNTED, VERDICT_WORDS, band, phase_title
from .text import plain

Run = Mapping[str, Any]

LIMIT = 60_000  # characters; an issue comment takes 65,536
FINDINGS_SHOWN = 15
HOSTS_NAMED = 8
ROWS_SHOWN = 12

_SPECIAL = re.compile(r"([\\`*_{}\[\]()#+!|~$])")
_MARKS = {"ready": "✅", "degraded": "🔶", "not_ready": "❌", "unknown": "❔"}


def render(run: Run) -> str:
    """The summary in GitHub's Markdown; at most 60,000 characters, and it says when something was left out."""
    parts = [*_head(run), *_findings(run), *_scores(run)]
    text, left_out = "\n".join(parts), 0
    for name in findings.not_ready(run):
        part = "\n".join(_host(name, run["hosts"][name], run["catalogue"]))
        if left_out or len(text) + len(part) > LIMIT - 200:
            left_out += 1
        else:
            text += "\n" + part
    if left_out:
        text += f"\n_{left_out} more hosts are in the full report._\n"
    return text + f"\n<sub>run {escaped(run['run_id'])}, muster.fleet {escaped(run['collection_version'])}</sub>\n"


def escaped(value: object, limit: int = 300) -> str:
    """Text that stays text: no markup, no HTML, no table cell broken, nobody mentioned."""
    text = plain(value, limit).replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    return _SPECIAL.sub(r"\\\1", text).replace("@", "@\u200b")


def _head(run: Run) -> Iterator[str]:
    dry = bool(run.get("check_mode"))
    marks = {verdict: "" if dry else f"{_MARKS[verdict]} " for verdict in _MARKS}
    yield f"## {marks[run['verdict']]}{word(run)}: {len(run['hosts'])} hosts\n"
    if run["simulated"]:
        yield "> **SIMULATED.** This run says nothing about real machines.\n"
    if run["reason"]:
        yield f"> {escaped(run['reason'])}\n"
    if run["planted"]:
        yield f"> {planted_sentence(run['planted'])}\n"
    for said in filter(None, (scope_sentence(run), merged_sentence(run), site_sentence(run))):
        yield f"> {escaped(said, 2000)}\n"
    would = "would be " if dry else ""
    yield _cells("rack", *(f"{marks[verdict]}{would}{VERDICT_WORDS[verdict].lower()}" for verdict in COUNTED))
    yield _cells(*["---"] + ["---:"] * len(COUNTED))
    yield _cells("**all**", *(f"**{run['counts'][word]}**" for word in COUNTED))
    for name, rack in list(run["racks"].items())[:50]:
        yield _cells(escaped(name), *(str(rack["counts"][word]) for word in COUNTED))
    yield ""


def _findings(run: Run) -> Iterator[str]:
    entries = todo.build(run)
    if not entries:
        return
    yield "### What needs doing first\n"
    yield _cells("severity", "check", "hosts", "what to do")
    yield _cells("---", "---", "---", "---")
    for entry in entries[:FINDINGS_SHOWN]:
        told = escaped(entry["title"]) + (f"<br><code>{escaped(entry['id'])}</code>" if entry["id"] else "")
        yield _cells(entry["severity"], told, _names(entry["hosts"]), escaped(entry["fix"]))
    if len(entries) > FINDINGS_SHOWN:
        yield f"\n_{len(entries) - FINDINGS_SHOWN} more checks with findings are in the full report._"
    yield ""


def _names(hosts: Iterable[str]) -> str:
    names = list(hosts)
    more = [f"and {len(names) - HOSTS_NAMED} more"] if len(names) > HOSTS_NAMED else []
    return ", ".join([escaped(name, 80) for name in names[:HOSTS_NAMED]] + more)


def _scores(run: Run) -> Iterator[str]:
    if not run["scores"]:
        return
    yield "<details><summary>Score per phase</summary>\n"
    yield _cells("phase", "ready", "band", "pass", "fail", "unknown", "waived")
    yield _cells("---", "---:", "---", "---:", "---:", "---:", "---:")
    for key, score in run["scores"].items():
        number, percent = key.removeprefix("phase-"), score["ready_percent"]
        title = phase_title(int(number)) if number.isdecimal() else number
        counted = [str(score[status]) for status in ("pass", "fail", "unknown", "waived")]
        yield _cells(f"{number} {title}", "" if percent is None else f"{percent:.1f} %", band(percent), *counted)
    yield "\n</details>\n"


def _host(name: str, host: Run, catalogue: Run) -> Iterator[str]:
    rows = findings.of_rows(host["results"])
    verdict = VERDICT_WORDS[host["verdict"]].lower()
    yield f"<details><summary>{_MARKS[host['verdict']]} {escaped(name)}: {verdict}, {len(rows)} findings</summary>\n"
    if host["reason"]:
        yield f"{escaped(host['reason'])}\n"
    if host.get("fix"):
        yield f"Do: {escaped(host['fix'])}\n"
    for row in rows[:ROWS_SHOWN]:
        yield f"- **{row['severity']} {row['status']}** {escaped(findings.sentence(row, catalogue))}"
    if len(rows) > ROWS_SHOWN:
        yield f"- {len(rows) - ROWS_SHOWN} more"
    yield "\n</details>\n"


def _cells(*cells: str) -> str:
    return "| " + " | ".join(cells) + " |"
