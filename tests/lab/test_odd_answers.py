# Copyright (c) 2026 the muster.fleet authors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Whatever a machine answers, it is unknown with a reason, the others are judged, and the report is written."""

from __future__ import annotations

import json
import sys
import tracemalloc
import zlib
from pathlib import Path
from types import SimpleNamespace

import pytest
from ansible import constants as C

sys.path.insert(0, str(Path(__file__).parent))

import odd_answers
from detection import base

from ansible_collections.muster.fleet.plugins.action import verify
from ansible_collections.muster.fleet.plugins.plugin_utils import bundle, envelope, kept, node, record, rundir
from ansible_collections.muster.fleet.plugins.plugin_utils import run as runs
from ansible_collections.muster.fleet.plugins.plugin_utils.compared import compared
from ansible_collections.muster.fleet.plugins.plugin_utils.report import write_all
from ansible_collections.muster.fleet.plugins.plugin_utils.report.text import UNSAFE

KLASS = "hgx_h100"
META = {
    "run_id": "r1",
    "started": "2026-11-18T06:00:00Z",
    "finished": "2026-11-18T06:01:00Z",
    "collection_version": "1",
}
OPTIONS = {
    "profile": KLASS, "rack": None, "slot": None, "check_dirs": [], "profile_dirs": [], "waivers": None, "domains": [],
    "phases": [], "gated": False, "deadline": 5.0, "replay": [], "nvml_library": None, "planted": None,
    "baseline": None, "class_named": True,
}  # fmt: skip


class Machine(verify.ActionModule):
    """An action that gets a given answer from its machine."""

    def __init__(self, stdout):
        self._templar = SimpleNamespace(template=lambda text: text)
        self._stdout = stdout

    def _low_level_execute_command(self, *unused, **options):
        return {"stdout": self._stdout, "stderr": odd_answers.ESCAPES, "rc": 1}


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    """Return a run's directory; what judges by the class is made once."""
    with pytest.MonkeyPatch.context() as patch:
        folder = tmp_path_factory.mktemp("odd")
        patch.setattr(C, "DEFAULT_LOCAL_TMP", str(folder))
        patch.setattr(C.config, "get_config_value", lambda name: str(folder / "home"))
        yield rundir.RunDirectory(str(folder / "reports"), "r1")


def verified(place, name, stdout):
    """Ask a machine that answers this, and keep its record; return the record."""
    variables = {"inventory_hostname": name}
    found, facts = Machine(stdout)._judged(record.Subject(name, OPTIONS), OPTIONS, variables, place)
    place.keep(found, facts)
    return found


def answers():
    facts = base(KLASS).facts
    return [(True, *entry) for entry in odd_answers.unusable(facts)] + [
        (False, *entry) for entry in odd_answers.odd(facts)
    ]


def test_every_odd_answer_costs_its_own_machine_alone(place):
    """One honest machine among hundreds of odd ones: it is judged, they are not ready, the report is whole."""
    odd = answers()
    assert len(odd) > 300
    place.expect(["honest", *(name for unused, name, stdout in odd)])
    assert (
        verified(place, "honest", odd_answers.packed(json.dumps(odd_answers.honest(base(KLASS).facts))))["verdict"]
        == "ready"
    )
    for refused, name, stdout in odd:
        found = verified(place, name, stdout)
        if refused:
            assert (found["verdict"], found["reached"], bool(found["reason"])) == ("unknown", False, True), name
        for text in (found["reason"] or "", *(row["reason"] or "" for row in found["results"])):
            assert "could not be judged" not in text, (name, text)
        assert not UNSAFE.search(found["reason"] or ""), name
        assert not any(UNSAFE.search(text) for text in verify._short(found)["findings"]), name
        assert not found["simulated"], name
        assert found["planted"] is None, name
    records = place.records()
    run = runs.assemble(records, place.expected(), META | compared(place, records, {}))
    assert len(run["hosts"]) == len(odd) + 1
    assert run["hosts"]["honest"]["verdict"] == "ready"
    assert run["verdict"] in ("unknown", "not_ready")
    assert not runs.exit_ok(run)
    assert not any("\x1b" in line for line in runs.closing_lines(run))
    assert {path.name for path in write_all(run, place.path)} >= {"run.json", "index.html", "junit.xml"}


def spent(answer, reason):
    """Return how many bytes it takes at most to refuse an answer for a reason."""
    tracemalloc.start()
    try:
        with pytest.raises(bundle.NoAnswer, match=reason):
            bundle.unpack(answer, "", 0, envelope.FACTS)
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize("kind", ["text", "lists"])
def test_memory_is_bounded_before_it_is_spent(kind):
    """A hundred kilobytes that unpack to a hundred megabytes are refused at the limit."""
    body = {"text": b'"' + b"a" * (110 << 20) + b'"', "lists": b"[" + b"[]," * (36 << 20) + b"[]]"}[kind]
    assert spent(odd_answers.packed(body), "unpacks to more than 16 MiB") < 40 << 20


def test_an_answer_just_within_its_limits_costs_little():
    """The worst that is let in: as many values as there may be."""
    most = envelope.FACTS.values
    answer = odd_answers.packed("[" + "[]," * (most // 2 - 2) + "[]]")
    assert 1 << 20 < spent(answer, "no mapping but list") < 64 << 20


@pytest.mark.parametrize(
    "hint", ["x" * 200_000, "../../../tmp/x", 7, [1], {}, None, "0123456", "0123456G"], ids=lambda hint: repr(hint)[:20]
)
def test_only_a_kind_of_bytecode_is_remembered(place, hint):
    answer = {**odd_answers.honest(base(KLASS).facts), "bytecode": hint}
    with pytest.raises(bundle.NoAnswer):
        node.ask(Machine(odd_answers.packed(json.dumps(answer))), {"inventory_hostname": "h9"}, {"deadline_s": 5}, None)
    assert kept.recall("python-h9") is None


def test_whole_answers_of_every_size_seen_are_let_in():
    """The limits stand far above what machines answer."""
    text = json.dumps(odd_answers.honest(base(KLASS).facts))
    assert bundle.unpack(odd_answers.packed(text), "", 0, envelope.FACTS)["facts"] == base(KLASS).facts
    assert 20 * len(text) < envelope.FACTS.unpacked
    assert 10 * sum(map(text.count, ",[{")) < envelope.FACTS.values
    assert len(zlib.compress(text.encode())) * 20 < envelope.FACTS.packed
