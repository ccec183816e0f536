# Copyright (c) 2026 the muster.fleet authors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What the HTML page shows, computed: the template only loops over this."""

from __future__ import annotations

import re
from collections import Counter
from datetime import datetime
from typing import Any, Mapping

from . import findings, heatmap, todo
from .console import merged_sentence, planted_sentence, scope_sentence, site_sentence, word
from .terms import COUNTED, PASSED_MUSTER, PHASES, VERDICT_WORDS, VERDICTS, band, phase_title, rank
from .text import natural

Run = Mapping[str, Any]

ROWS = 3000  # result rows on the whole page; what is beyond is in run.json, and the page says so
ROWS_WITH_FIX = 1000  # up to so many rows, each carries the fix; beyond, it links to it
ENTRIES = 200
CHANGES = 40
COMPACT = 120  # from so many hosts on, a rack shows marks only

_PLAIN_NAME = re.compile(r"[A-Za-z0-9_.-]+")


def build(run: Run) -> dict[str, Any]:
    """The page's content, section by section."""
    heat = heatmap.build(run)
    anchors = {name: _anchor("host", name, number) for number, name in enumerate(run["hosts"])}
    doing = todo.build(run)
    return {
        "run": run,
        "head": _head(run),
        "racks": _racks(run, anchors, heat["rows"]),
        "compact": len(run["hosts"]) > COMPACT,
        "scores": _scores(run),
        "unscored": [number for number in PHASES if f"phase-{number}" not in run["scores"]],
        "todo": [todo.entry_of(entry, anchors, number) for number, entry in enumerate(doing[:ENTRIES])],
        "todo_cut": max(0, len(doing) - ENTRIES),
        "heat": heat,
        "hosts": _hosts(run, anchors, heat, {entry["id"]: number for number, entry in enumerate(doing[:ENTRIES])}),
        "changes": _changes(run, anchors),
        "fleet": [row for row in findings.of_rows(run["fleet"]) if row["hosts"]],
        "site": site_sentence(run),
        "classes": sorted({host["class"] for host in run["hosts"].values() if host["class"]}, key=natural),
    }


def _anchor(kind: str, name: str, number: int) -> str:
    return f"{kind}-{name}" if _PLAIN_NAME.fullmatch(name) else f"{kind}-no-{number}"


def _head(run: Run) -> dict[str, Any]:
    total = len(run["hosts"])
    passed = sum(run["counts"][verdict] for verdict in PASSED_MUSTER)
    return {
        "word": word(run),
        "sentence": _sentence(run, passed, total),
        "reason": run["reason"] if total else None,
        "counts": [(verdict, VERDICT_WORDS[verdict], run["counts"][verdict]) for verdict in COUNTED],
        "simulated": sum(host["simulated"] for host in run["hosts"].values()),
        "planted": planted_sentence(run["planted"]) if run["planted"] else None,
        "merged": merged_sentence(run),
        "finished": _when(run["finished"]),
        "took": _took(run["started"], run["finished"]),
    }


def _sentence(run: Run, passed: int, total: int) -> str:
    if not total:
        return f"Nothing was judged: {run['reason']}" + ("" if str(run["reason"]).endswith(".") else ".")
    sentence = f"{passed} of {total} hosts {'would pass' if run.get('check_mode') else 'passed'} muster"
    sentence += ", and yet the run does not." if passed == total and run["reason"] else "."
    asked = scope_sentence(run)
    return f"{sentence} {asked[0].upper()}{asked[1:]}." if asked else sentence


def _when(stamp: object) -> str:
    try:
        return datetime.fromisoformat(str(stamp)).strftime("%-d %B %Y, %H:%M:%S UTC")
    except ValueError:
        return str(stamp or "")


def _took(started: object, finished: object) -> str:
    try:
        seconds = (datetime.fromisoformat(str(finished)) - datetime.fromisoformat(str(started))).total_seconds()
    except (TypeError, ValueError):
        return ""
    return f"{seconds:.0f} s" if seconds < 120 else f"{seconds // 60:.0f} min {seconds % 60:.0f} s"


def _racks(run: Run, anchors: Mapping[str, str], heat: Run) -> list[dict[str, Any]]:
    """Racks with their units from the top slot down; hosts without a rack come in a last one without a name."""
    units: dict[str, list[dict[str, Any]]] = {name: [] for name in run["racks"]}
    for name, host in run["hosts"].items():
        unit = {"name": name, "anchor": anchors[name], "slot": host["slot"], "class": host["class"]}
        unit |= {"verdict": host["verdict"], "word": VERDICT_WORDS[host["verdict"]]}
        unit["note"] = _note(host, heat[name]["counts"])
        units.setdefault("" if host["rack"] is None else str(host["rack"]), []).append(unit)
    return [
        {"name": name, "verdict": run["racks"].get(name, {}).get("verdict"), "units": members[::-1]}
        for name, members in units.items()
    ]


def _note(host: Run, counts: Mapping[str, int]) -> str:
    """What is the matter with a host, in very few words; ``counts`` are of its checks by status."""
    if not host["reached"]:
        return "not judged"
    told = [
        f"{counts[status]} {word}" for status, word in (("fail", "failed"), ("unknown", "unknown")) if counts[status]
    ]
    return ", ".join(told)


def _scores(run: Run) -> list[dict[str, Any]]:
    scores = []
    for key, score in run["scores"].items():
        number = key.removeprefix("phase-")
        stopped = sum(host["phases"].get(number) == "not_reached" for host in run["hosts"].values())
        parts = [(status, score[status], 100 * score[status] / (score["applicable"] or 1)) for status in _PARTS]
        title = phase_title(int(number)) if number.isdecimal() else number
        scores.append(score | {"number": number, "title": title, "stopped": stopped, "parts": parts})
        scores[-1]["band"] = "not reached" if stopped and not score["applicable"] else band(score["ready_percent"])
    return scores


_PARTS = ("pass", "unknown", "fail")


def _hosts(run: Run, anchors: Mapping[str, str], heat: Run, doing: Mapping[str | None, int]) -> list[dict[str, Any]]:
    """The drill-down of each host, the worst first."""
    troubled = sum(any(row["status"] not in ("pass", "not_applicable") for row in host["results"])
                   for host in run["hosts"].values())  # fmt: skip
    total = sum(row["status"] not in ("pass", "not_applicable") for host in run["hosts"].values()
                for row in host["results"])  # fmt: skip
    cap = ROWS if total <= ROWS else max(3, ROWS // troubled)
    cards = [
        _card(name, host, run, cap)
        | {"anchor": anchors[name], "heat": heat["rows"][name], "note": _note(host, heat["rows"][name]["counts"])}
        for name, host in run["hosts"].items()
    ]
    for card in cards:
        for row in card["rows"]:
            row["todo"] = doing.get(row["id"])
            if total > ROWS_WITH_FIX:
                row |= {"fix": None, "title": None}
    return sorted(cards, key=lambda card: VERDICTS.index(card["verdict"]))


def _card(name: str, host: Run, run: Run, cap: int) -> dict[str, Any]:
    rows = sorted((row for row in host["results"] if row["status"] not in ("pass", "not_applicable")), key=_order)
    folded = _fold(rows, run["catalogue"])
    apart = Counter(row["reason"] or "no reason given" for row in host["results"] if row["status"] == "not_applicable")
    passed = Counter(row["phase"] for row in host["results"] if row["status"] == "pass")
    return {
        **{key: host[key] for key in ("verdict", "rack", "slot", "class", "profile", "reason", "took_s", "simulated")},
        "fix": host.get("fix"),
        "name": name,
        "word": VERDICT_WORDS[host["verdict"]],
        "rows": folded[:cap],
        "cut": max(0, len(folded) - cap),
        "severities": " ".join(sorted({row["severity"] for row in rows})),
        "statuses": " ".join(sorted({row["status"] for row in rows})),
        "facts": host["facts_summary"],
        "errors": host["errors"],
        "phases": [(number, phase_title(number), host["phases"][str(number)])
                   for number in PHASES if host["phases"].get(str(number), "no_checks") != "no_checks"],
        "apart": apart.most_common(),
        "passed": [(phase_title(phase), count) for phase, count in sorted(passed.items())],
    }  # fmt: skip


def _order(row: Run) -> tuple[Any, ...]:
    return (*rank(row), row["phase"], row["id"], natural(row["item"]))


def _fold(rows: list[Run], catalogue: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Rows for the table: a check is introduced once, unknowns of one cause become one row that lists its checks."""
    causes = todo.causes_of(rows)
    folded: dict[str, dict[str, Any]] = {}
    table: list[dict[str, Any]] = []
    for row in rows:
        check = catalogue.get(row["id"], {})
        shown = dict(row) | {"title": check.get("title") or row["id"], "fix": check.get("fix"), "checks": []}
        shown["message"] = findings.sentence(row, catalogue)
        cause = todo.cause_of(row)
        if cause is None or cause not in causes:
            table.append(shown | {"again": table[-1]["id"] == row["id"] if table else False})
        elif cause in folded:
            folded[cause]["checks"].append(shown["title"])
            folded[cause]["title"] = f"{len(folded[cause]['checks'])} checks could not be made"
        else:
            folded[cause] = shown | {"checks": [shown["title"]], "fix": todo.UNSEEN, "message": cause, "again": False}
            table.append(folded[cause])
    return table


def _changes(run: Run, anchors: Mapping[str, str]) -> dict[str, Any]:
    changes = run["changes"]
    titles = {check: entry.get("title") or check for check, entry in run["catalogue"].items()}
    used = ", ".join(f"{name} ({count})" for name, count in (changes.get("runs") or {}).items())
    shown: dict[str, Any] = {"since": used or changes["since"]}
    for kind in ("verdicts", "new", "cleared"):
        entries: list[dict[str, Any]] = [
            {"hosts": []} | dict(entry) | {"anchor": anchors.get(entry["host"]), "title": titles.get(entry.get("id"))}
            for entry in changes[kind][:CHANGES]
        ]
        shown[kind] = {"all": len(changes[kind]), "entries": entries, "cut": len(changes[kind]) - len(entries)}
    for entry in shown["verdicts"]["entries"]:
        entry |= {"was": VERDICT_WORDS.get(entry["before"], "new"), "is": VERDICT_WORDS[entry["after"]]}
    return shown
