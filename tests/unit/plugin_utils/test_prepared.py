"""What judges a run is made ready once, and anew when anything changes that it is made of."""

from __future__ import annotations

import json

import pytest
from ansible import constants as C

from ansible_collections.muster.fleet.plugins.module_utils.judge.engine import Ground, judge_check
from ansible_collections.muster.fleet.plugins.plugin_utils import catalogue, prepared, profiles
from ansible_collections.muster.fleet.plugins.plugin_utils.files import BadInput

AT = "2026-11-18T06:30:00Z"
CHECK = {
    "id": "site.one", "title": "One", "what": "one", "phase": 3, "severity": "minor", "covers": [], "source": "us",
    "why": "w", "fix": "f", "subject": "host.user_id", "expect": {"eq": 1},
}  # fmt: skip


@pytest.fixture
def runs(tmp_path, monkeypatch):
    """Return a function that begins a new run: its own temporary directory, the same home."""
    monkeypatch.setattr(C.config, "get_config_value", lambda name: str(tmp_path / "home"))

    def begin(name):
        (tmp_path / name).mkdir()
        monkeypatch.setattr(C, "DEFAULT_LOCAL_TMP", str(tmp_path / name))

    return begin


@pytest.mark.parametrize("name", profiles.names())
def test_judges_as_the_whole_catalogue_does(name, runs):
    runs("one")
    ready = prepared.ready(name, [], [], None)
    whole = catalogue.checks()
    ground = Ground({}, catalogue.profile(name), AT)
    assert [judge_check(check, ground) for check in ready.checks] == [judge_check(check, ground) for check in whole]
    assert any("settled" in check for check in ready.checks)
    told = json.loads(ready.told.read_text())
    assert told == {check["id"]: {key: check[key] for key in prepared.TOLD} for check in whole}


def test_a_later_run_reads_what_an_earlier_made(runs, monkeypatch):
    runs("one")
    first = prepared.ready("generic", [], [], None)
    monkeypatch.setattr(catalogue, "checks", lambda places: pytest.fail("read anew"))
    runs("two")
    again = prepared.ready("generic", [], [], None)
    assert again._replace(told=first.told) == first


def test_a_change_is_seen_by_the_next_run(tmp_path, runs):
    own, waivers = tmp_path / "own", tmp_path / "waivers.yml"
    own.mkdir()
    waiver = {"check": "site.one", "owner": "a", "reason": "b", "expires": "2099-01-01"}
    for run, severity in (("one", "minor"), ("two", "major")):
        (own / "site.yml").write_text(json.dumps([{**CHECK, "severity": severity}]))
        waivers.write_text(json.dumps([{**waiver, "owner": severity}]))
        runs(run)
        ready = prepared.ready("generic", [str(own)], [], str(waivers))
        assert {check["severity"] for check in ready.checks if check["id"] == "site.one"} == {severity}
        assert [entry["owner"] for entry in ready.waivers] == [severity]


def test_what_is_wrong_is_said_in_every_run(tmp_path, runs):
    own = tmp_path / "own"
    own.mkdir()
    (own / "site.yml").write_text(json.dumps([{**CHECK, "severity": "odd"}]))
    for run in ("one", "two"):
        runs(run)
        with pytest.raises(BadInput, match="severity 'odd'"):
            prepared.ready("generic", [str(own)], [], None)
        with pytest.raises(BadInput, match=r"none\.yml"):
            prepared.ready("generic", [], [], str(tmp_path / "none.yml"))
        with pytest.raises(BadInput, match="not a directory"):
            prepared.ready("generic", [], [str(tmp_path / "none")], None)


def test_a_profile_that_builds_on_nothing_judges_nobody(tmp_path, runs):
    """What it does not say nobody asks: a machine would be ready by a handful of checks."""
    (tmp_path / "mine.yml").write_text("name: mine\ngpu: {count: 8}\n", encoding="utf-8")
    runs("one")
    with pytest.raises(BadInput, match="profile mine: extends is missing: name the hardware .*, or generic"):
        prepared.ready("mine", [], [str(tmp_path)], None)
