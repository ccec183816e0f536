"""The run's directory: one run for all workers, every record whole."""

from __future__ import annotations

import json

import pytest
from ansible import constants as C

from ansible_collections.muster.fleet.plugins.plugin_utils import rundir
from ansible_collections.muster.fleet.plugins.plugin_utils.files import BadInput


def test_one_identity_for_the_whole_playbook(tmp_path, monkeypatch):
    monkeypatch.setattr(C, "DEFAULT_LOCAL_TMP", str(tmp_path))
    monkeypatch.setenv("JOB_ID", "42")
    first = rundir.identity()
    monkeypatch.setenv("JOB_ID", "43")
    assert rundir.identity() == first
    assert first["run_id"].endswith("-job42")
    assert [path.name for path in tmp_path.iterdir()] == ["muster-run.json"]


def test_records_of_odd_host_names_come_back(tmp_path):
    run = rundir.RunDirectory(str(tmp_path), "r1")
    run.expect(["b", "../a"])
    run.expect(["c"])  # another play of the same process: nobody is dropped
    for name in ("b", "../a"):
        run.keep({"name": name}, {"gpu": {}})
    assert sorted(record["name"] for record in run.records()) == ["../a", "b"]
    assert run.expected() == ["../a", "b", "c"]


def test_checks_are_kept_once_and_come_back_with_every_record(tmp_path):
    run = rundir.RunDirectory(str(tmp_path), "r1")
    told = tmp_path / "told.json"
    for name in ("a", "b"):
        told.write_text(json.dumps({"x.y": {"title": "t" if name == "a" else "not asked again"}}))
        run.describe("k1", told.read_text)
        run.keep({"name": name, "catalogue": "k1"}, None)
    assert [record["catalogue"] for record in run.records()] == [{"x.y": {"title": "t"}}] * 2


def test_facts_lie_beside_the_records(tmp_path):
    run = rundir.RunDirectory(str(tmp_path), "r1")
    for name in ("b", "../a"):
        run.keep({"name": name}, {"gpu": {}})
    assert sorted(path.name for path in (tmp_path / "r1" / "facts").iterdir()) == ["..%2Fa.json", "b.json"]


def test_latest_points_at_the_newest_run(tmp_path):
    assert rundir.latest(str(tmp_path)) is None
    for name in ("r1", "r2"):
        run = rundir.RunDirectory(str(tmp_path), name)
        run.keep({"name": "a"}, None)
        run.point_latest()
    assert rundir.latest(str(tmp_path)).run_id == "r2"


def test_a_record_that_cannot_be_read_is_named(tmp_path):
    run = rundir.RunDirectory(str(tmp_path), "r1")
    path = run.keep({"name": "a"}, None)
    path.write_text("{")
    with pytest.raises(BadInput, match="a.json: cannot be read"):
        run.records()
    path.write_text(json.dumps({"schema_version": rundir.RECORD_SCHEMA, "name": "a"}))
    assert run.records() == [{"name": "a", "catalogue": {}}]


@pytest.mark.parametrize(("version", "said"), [({"schema_version": 2}, "schema version 2"), ({}, "no schema version")])
def test_a_record_of_another_release_is_refused(tmp_path, version, said):
    run = rundir.RunDirectory(str(tmp_path), "r1")
    path = run.keep({"name": "a"}, None)
    path.write_text(json.dumps({"name": "a", **version}))
    with pytest.raises(BadInput, match=rf"hosts/a\.json: has {said}, this release reads version 1"):
        run.records()


class TestTheIdOfAnotherRun:
    """One directory is one run: what another process left there is neither replaced nor mixed with."""

    def other(self, monkeypatch, tmp_path):
        place = tmp_path / "other-process"
        place.mkdir()
        monkeypatch.setattr(C, "DEFAULT_LOCAL_TMP", str(place))

    def test_a_process_goes_on_with_its_own(self, tmp_path):
        for hosts in (["a"], ["a", "b"], ["c"]):
            rundir.RunDirectory(str(tmp_path), "r1").expect(hosts)
        assert rundir.RunDirectory(str(tmp_path), "r1").expected() == ["a", "b", "c"]

    @pytest.mark.parametrize("left", ["begun", "run.json", "expected.json"])
    def test_that_of_another_is_refused(self, tmp_path, monkeypatch, left):
        run = rundir.RunDirectory(str(tmp_path), "r1")
        if left == "begun":
            run.expect(["a"])
        else:
            run.path.mkdir()
            (run.path / left).write_text("[]")
        self.other(monkeypatch, tmp_path)
        with pytest.raises(BadInput, match="r1: the run id is taken, by a run of .*: every run has an id of its own"):
            run.expect(["a", "b"])
        assert left != "begun" or run.expected() == ["a"]

    def test_each_playbook_of_a_process_has_a_run_of_its_own(self, tmp_path, monkeypatch):
        self.other(monkeypatch, tmp_path)
        first = rundir.begin("verify", base="reports")["run_id"]
        assert rundir.begin("report", again=True)["run_id"] == first
        second = rundir.begin("deploy", base="reports")
        assert second["run_id"] != first
        assert rundir.begin("verify", "mine", base="reports")["run_id"] == "mine"
        assert (second["token"], rundir.identity()["kind"]) == (rundir.identity()["token"], "verify")
