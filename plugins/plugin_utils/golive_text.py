# Copyright (c) 2026 the muster.fleet authors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The record of a go-live decision for people: Markdown for the file, a few lines for the console."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from .report.markdown import escaped
from .report.text import plain

Record = Mapping[str, Any]
REASONS_SHOWN = 20
ROWS_SHOWN = 200
HOSTS_NAMED = 8
HOSTS_LISTED = 100
MARKS = {"pass": "✅", "fail": "❌", "unknown": "❔", "not_required": "⚪"}
HEADS = {
    "findings": ("severity", "status", "check", "what was found", "hosts"),
    "waivers": ("severity", "check", "until", "said", "hosts"),
    "issues": ("severity", "status", "issue", "resolution"),
}


def markdown(record: Record) -> str:
    """Return the record as GitHub's Markdown: decision and reasons first, then what it rests on."""
    return (
        "\n".join([*_head(record), *_assessment(record), *_open(record), *_signoffs(record), *_rests_on(record)]) + "\n"
    )


def console(record: Record, path: object) -> list[str]:
    """Return the lines for the console: the decision, every reason up to a screenful, where the record lies."""
    run, reasons = record["run"], record["reasons"]
    lines = [f"DECISION: {record['decision']} (run {plain(run['run_id'], 100)}, {len(run['hosts'])} hosts)"]
    lines += [f"  - {plain(reason, 300)}" for reason in reasons[:REASONS_SHOWN]]
    if len(reasons) > REASONS_SHOWN:
        lines.append(f"  - and {len(reasons) - REASONS_SHOWN} more reasons, see the record")
    lines += [f"  {line.replace('**', '')}" for line in _exceptions(record)]
    for row in record["signoffs"]:
        said = f"{row['who']}, {row['when']}" if row["who"] else "nobody"
        lines.append(f"  {row['status']:<8} sign-off {plain(row['title'], 60)}: {plain(said, 120)}")
    return lines + [f"record: {path}"]


def _head(record: Record) -> Iterator[str]:
    yield f"# {MARKS['pass' if record['decision'] == 'APPROVE' else 'fail']} DECISION: {record['decision']}\n"
    if record["title"]:
        yield f"{escaped(record['title'])}\n"
    run = record["run"]
    if run["simulated"]:
        yield "> **SIMULATED.** This run says nothing about real machines.\n"
    counts = ", ".join(f"{number} {word.replace('_', ' ')}" for word, number in (run["counts"] or {}).items())
    hosts = f"{len(run['hosts'])} hosts ({escaped(counts)})"
    yield f"Run {escaped(run['run_id'])}, ended {escaped(run['finished'])}: {hosts},"
    yield f"{escaped(_names(run['hosts'], HOSTS_LISTED), 8000)}."
    yield from _exceptions(record)
    yield f"Decided {record['decided']}, signed by {escaped(record['signed_by'] or 'nobody')}.\n"
    if record["reasons"]:
        yield "## Why not\n"
        yield from (f"- {escaped(reason)}" for reason in record["reasons"][:ROWS_SHOWN])
        yield from _cut(record["reasons"])
        yield ""


def _exceptions(record: Record) -> Iterator[str]:
    """Yield what the site decided to do without, beside the decision that it bears on."""
    struck = [row for key in ("readiness", "approvals") for row in record[key] if row["status"] == "not_required"]
    yield from (f"**Without**: {escaped(row['title'])} ({escaped(row['detail'])})." for row in struck)
    if record.get("sole_signer"):
        yield f"**One person may sign in every role**: {escaped(record['sole_signer'])}."


def _assessment(record: Record) -> Iterator[str]:
    for title, key in (
        ("Readiness assessment", "readiness"),
        ("Risk assessment", "risks"),
        ("Final approval", "approvals"),
    ):
        yield f"## {title}\n"
        rows = (
            (f"{MARKS[row['status']]} {row['status']}", row["title"], _detail(row), row["item"]) for row in record[key]
        )
        yield from _table(("", "item", "detail", "answers"), rows)


def _detail(row: Record) -> str:
    more = f" (and {len(row['reasons']) - 3} more)" if len(row["reasons"]) > 3 else ""
    return "; ".join(row["reasons"][:3]) + more if row["reasons"] else row["detail"]


def _open(record: Record) -> Iterator[str]:
    yield "## Issues found\n"
    if not record["findings"] and not record["issues"]:
        yield "None.\n"
    cells = {
        "issues": [[row[key] for key in ("severity", "status", "title", "resolution")] for row in record["issues"]],
        "findings": [
            [row["severity"], row["status"], row["id"], row["message"], _names(row["hosts"])]
            for row in record["findings"]
        ],
        "waivers": [
            [row["severity"], row["check"], row["expires"], row["reason"], _names(row["hosts"])]
            for row in record["waivers"]
        ],
    }
    for key, rows in cells.items():
        if rows:
            yield from (["## Waivers\n"] if key == "waivers" else [])
            yield from _table(HEADS[key], rows[:ROWS_SHOWN])
            yield from _cut(rows)


def _names(hosts: list[str], most: int = HOSTS_NAMED) -> str:
    return ", ".join(hosts[:most]) + (f" and {len(hosts) - most} more" if len(hosts) > most else "")


def _cut(rows: list[Any]) -> Iterator[str]:
    if len(rows) > ROWS_SHOWN:
        yield f"\n_{len(rows) - ROWS_SHOWN} more are in the JSON record._"


def _signoffs(record: Record) -> Iterator[str]:
    yield "## Sign-off\n"
    rows = (
        (f"{MARKS[row['status']]} {row['status']}", row["title"], row["who"], row["when"], row["expires"], _detail(row))
        for row in record["signoffs"]
    )
    yield from _table(("", "role", "who", "when", "holds until", "said"), rows)


def _rests_on(record: Record) -> Iterator[str]:
    yield "## What this rests on\n"
    yield from _table(
        ("what", "file", "SHA-256"), ((row["what"], row["file"], row["sha256"]) for row in record["rests_on"])
    )


def _table(head: Iterable[str], rows: Iterable[Iterable[Any]]) -> Iterator[str]:
    titles = list(head)
    yield "| " + " | ".join(titles) + " |"
    yield "|" + " --- |" * len(titles)
    yield from ("| " + " | ".join(escaped(cell) for cell in row) + " |" for row in rows)
    yield ""
