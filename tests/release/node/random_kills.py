# Copyright (c) 2026 the muster.fleet authors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Deaths at random moments of time, of whatever takes part: what the matrix of phases shows, without knowing a phase.

A story is a sequence of runs (a deploy, a bad deploy, a rollback), each of which loses its module, its engine or its
connection after a random time, and of the command that follows. ``MUSTER_RANDOM_KILLS`` says how many of each kind
(6 if nothing does), ``MUSTER_SEED`` repeats a story; every story prints its seed.
"""

from __future__ import annotations

import os
import random
import subprocess
import time
from typing import Any, NamedTuple, Protocol

COUNT = int(os.environ.get("MUSTER_RANDOM_KILLS", "6"))
SEED = int(os.environ.get("MUSTER_SEED") or random.SystemRandom().randrange(10**6))
RUNS = ("deploy", "deploy", "bad", "rollback")
NEXT = ("recovered", "same", "rollback")
GOOD = ("deployed", "unchanged", "recovered", "rolled_back", "restarted")


class Subject(Protocol):
    """A service of one kind, as a story works with it."""

    deaths: tuple[str, ...]

    def start(self, what: str, tag: str) -> subprocess.Popen[str]:
        """Start a run (``deploy`` of a tag, ``rollback``, ``recovered``) in a process of its own."""

    def finish(self, process: subprocess.Popen[str]) -> dict[str, Any]:
        """Wait for its end and return its result, nothing if it was killed."""

    def kill(self, dies: str, process: subprocess.Popen[str]) -> None:
        """Kill the module, or who reads its result."""

    def engine(self) -> None:
        """Kill the engine."""

    def again(self) -> None:
        """Bring the engine back."""

    def holds(self) -> str | None:
        """Assert that one release runs, that history, journal, names and policies agree; return its tag."""


class Kill(NamedTuple):
    """One death, for a line of the protocol."""

    number: int
    what: str
    tag: str
    dies: str
    after_s: float
    code: int | None
    then: str
    outcome: str
    runs: str | None


def story(subject: Subject, seed: int, count: int, tags: tuple[str, str], bad: str, lasts_s: float) -> list[Kill]:
    """Live through ``count`` deaths and return them; a broken invariant names seed and number."""
    dice = random.Random(seed)
    print(f"seed {seed}: {count} deaths, each within {lasts_s:.1f} s")
    done: list[Kill] = []
    while len(done) < count:
        what, dies, then = dice.choice(RUNS), dice.choice(subject.deaths), dice.choice(NEXT)
        tag = bad if what == "bad" else dice.choice(tags)
        after_s = dice.uniform(0.05, lasts_s)
        print(f"seed {seed} number {len(done)}: {dies} dies {after_s:.2f} s into {what} {tag}, then {then}", flush=True)
        code = died(subject, what, tag, dies, after_s)
        outcome = afterwards(subject, then, "deploy" if what == "bad" else what, tag if what != "bad" else tags[0])
        runs = subject.holds()
        if runs is None:
            assert finished(subject, "deploy", tags[0])["outcome"] in GOOD
            subject.holds()
        done.append(Kill(len(done), what, tag, dies, after_s, code, then, outcome, runs))
        print(f"seed {seed} number {len(done) - 1}: {outcome}, {runs} runs", flush=True)
    return done


def died(subject: Subject, what: str, tag: str, dies: str, after_s: float) -> int | None:
    """Let a run lose what ``dies`` names after so long; return its exit code."""
    process = subject.start("rollback" if what == "rollback" else "deploy", tag)
    time.sleep(after_s)
    if process.poll() is None:
        if dies == "engine":
            subject.engine()
        else:
            subject.kill(dies, process)
    code = process.wait(timeout=180)
    subject.again()
    return code


def afterwards(subject: Subject, then: str, what: str, tag: str) -> str:
    """Give the next command and return its outcome. A rollback may find nothing to go back to, and says what then."""
    ask = {"recovered": "recovered", "same": what, "rollback": "rollback"}[then]
    told = finished(subject, ask, tag)
    if told["outcome"] not in GOOD:
        assert told["outcome"] in ("refused", "failed"), told
        assert ask == "rollback" or "does not run" in told["msg"] or "is not good" in told["msg"], told
        assert "eploy a" in told["msg"] or "go back" in told["msg"], told
        if told["outcome"] == "failed":
            assert finished(subject, "deploy", tag)["outcome"] in GOOD, "a deploy goes on where nothing runs"
    return str(told["outcome"])


def finished(subject: Subject, what: str, tag: str) -> dict[str, Any]:
    """Run to its end."""
    return subject.finish(subject.start(what, tag))


def table(kind: str, seed: int, kills: list[Kill]) -> str:
    """Return one line of what became of all deaths of a kind."""
    outcomes = [kill.outcome for kill in kills]
    told = ", ".join(f"{name} {outcomes.count(name)}" for name in sorted(set(outcomes)))
    dead = ", ".join(f"{name} {sum(kill.dies == name for kill in kills)}" for name in sorted({k.dies for k in kills}))
    return f"random kills, {kind}: seed {seed}, {len(kills)} deaths ({dead}); the next command: {told}"
