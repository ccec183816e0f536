# Copyright (c) 2026 the muster.fleet authors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""kill -9 in every phase, before and after its journal is written, of the module and of the engine; then the next run.

The cells come from the list of phases, so that a new phase is covered by itself. In each of them exactly one release
runs afterwards, history and journal agree with the engine, and the lease of the dead does not block.
"""

from __future__ import annotations

import pytest

from ansible_collections.muster.fleet.plugins.module_utils.release import phases
from node import Bench, Ran

each = pytest.mark.parametrize
GOOD = ("v1", "v2")
BAD = "v3"
WHEN = ("before", "after")
UNJOURNALED = [phase.name for phase in phases.PHASES if not phase.journaled]


def _ready(bench: Bench) -> tuple[str, str]:
    """Return the release that runs and another one; see to it that something runs."""
    current = bench.history()["current"]
    if current is None:
        assert bench.deploy("v1")["outcome"] == "deployed"
        current = bench.history()["current"]
    runs = bench.tags()[current]
    return runs, next(tag for tag in GOOD if tag != runs)


def _killed(bench: Bench, tag: str, what: str, **kill: object) -> Ran:
    process = bench.daemon.pid if what == "engine" else 0
    ran = bench.deploy(tag, kill={**kill, "what": process}, engine_s=0.2)
    if what == "engine":
        assert ran.code == 0, "the module lives on"
        assert ran["outcome"] in ("refused", "failed", "deployed"), ran
        bench.daemon.again()
    else:
        assert ran.code == -9, "it was not killed: is the phase ever entered?"
    return ran


def _in_order(bench: Bench, allowed: tuple[str, ...], tag: str) -> None:
    """Assert that recovering alone leaves one good release, and that the next deploy goes through."""
    recovered = bench.run(state="recovered", service=None)
    assert recovered["outcome"] in ("recovered", "unchanged"), recovered
    assert bench.agree() in allowed
    after = bench.deploy(tag)
    assert after["outcome"] in ("deployed", "unchanged"), after
    assert bench.agree() == tag


@each("what", ["module", "engine"])
@each("when", WHEN)
@each("phase", phases.NAMES)
def test_killed_in_a_phase(kept: Bench, phase: str, when: str, what: str) -> None:
    runs, tag = _ready(kept)
    ran = _killed(kept, tag, what, at=phase, when=when)
    if what == "engine" and ran["phase"] in UNJOURNALED:
        # Nothing had begun, and Docker 20.10 leaves stopped what it finds running after it was killed.
        assert ran["outcome"] == "refused"
        assert kept.deploy(runs)["outcome"] in ("deployed", "unchanged")
        assert kept.agree() == runs
    _in_order(kept, (runs, tag), tag)


@each("what", ["module", "engine"])
@each("when", WHEN)
def test_killed_on_the_way_back(kept: Bench, when: str, what: str) -> None:
    runs, other = _ready(kept)
    _killed(kept, BAD, what, at=phases.BACK, when=when)
    _in_order(kept, (runs,), other)


@each("when", WHEN)
@each("phase", [phase.name for phase in phases.PHASES if phase.stops])
def test_killed_again_while_recovering(kept: Bench, phase: str, when: str) -> None:
    runs, tag = _ready(kept)
    _killed(kept, tag, "module", at=phase, when="after")
    where = "commit" if phases.started(phase) else phases.BACK
    kept.run(state="recovered", service=None, kill={"at": where, "when": when})
    _in_order(kept, (runs, tag), tag)


@each("when", WHEN)
@each("bad", [False, True], ids=["forward", "back"])
def test_killed_at_every_change_of_the_engine(kept: Bench, bad: bool, when: str) -> None:
    cells = 0
    while True:
        runs, tag = _ready(kept)
        ran = kept.deploy(BAD if bad else tag, kill={"call": cells + 1, "when": when})
        if ran.code == 0:
            break
        cells += 1
        _in_order(kept, (runs,) if bad else (runs, tag), tag)
    assert cells >= (12 if bad else 8), "a release is more changes than that"
    assert ran["calls"] == cells, "every change had its turn"


def test_the_engine_comes_back_in_time(kept: Bench) -> None:
    """An engine that is restarted while a release starts costs that release, and nothing else."""
    runs, tag = _ready(kept)
    with kept.daemon.revived(after_s=1.0):
        ran = kept.deploy(tag, kill={"at": "start", "when": "after", "what": kept.daemon.pid})
    assert ran["outcome"] == "reverted", ran
    assert kept.agree() == runs
