"""The run's directory: one run for all workers, every record whole."""

from __future__ import annotations

import json
import os
import re
import subprocess

import pytest
from ansible import constants as C

from ansible_collections.muster.fleet.plugins.plugin_utils import rundir, whole
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


LEADS_ELSEWHERE = [
    "../../esc", "..", ".", "", "/tmp/x", "a/b", "a/", ".hidden", "latest", "a\nb", "a\x1b[2J", "a\x00b", "x" * 129,
    "ü" * 128, "\u202egnp", "a  b",
]  # fmt: skip


@pytest.mark.parametrize("run_id", LEADS_ELSEWHERE, ids=repr)
def test_an_id_is_one_component_of_a_path(tmp_path, run_id):
    with pytest.raises(BadInput, match="names one directory"):
        rundir.RunDirectory(str(tmp_path), run_id)


@pytest.mark.parametrize("run_id", ["20261123T100000Z-7", "nightly-a01", "a b", "-x", "r1.2", "käse"])
def test_ids_that_people_use_are_taken(tmp_path, run_id):
    assert rundir.RunDirectory(str(tmp_path), run_id).path.parent == tmp_path


def test_a_link_that_leads_out_is_not_followed(tmp_path):
    (tmp_path / "reports").mkdir()
    (tmp_path / "reports" / "latest").symlink_to("../../esc")
    with pytest.raises(BadInput, match="names one directory"):
        rundir.latest(str(tmp_path / "reports"))


@pytest.mark.parametrize("mask", [0o000, 0o022, 0o077])
def test_what_machines_showed_is_private(tmp_path, mask):
    before = os.umask(mask)
    try:
        run = rundir.RunDirectory(str(tmp_path), "r1")
        run.expect(["a"])
        run.keep({"name": "a"}, {"gpu": {}})
    finally:
        os.umask(before)
    for path in [tmp_path / "r1" / kind for kind in ("hosts", "facts")]:
        assert path.stat().st_mode & 0o077 == 0, path
        for file in path.iterdir():
            assert file.stat().st_mode & 0o077 == 0, file


@pytest.mark.parametrize("name", ["ü" * 80, "x" * 300, "%" * 200])
def test_host_with_a_long_name_has_a_record(tmp_path, name):
    run = rundir.RunDirectory(str(tmp_path), "r1")
    run.keep({"name": name}, {"gpu": {}})
    run.keep({"name": f"{name}2"}, {"gpu": {"x": 1}})
    assert sorted(record["name"] for record in run.records()) == [name, f"{name}2"]
    assert run.facts(name) == {"gpu": {}}


def test_drafts_of_a_killed_run_are_swept_and_nothing_else(tmp_path):
    ended = subprocess.Popen(["true"])
    ended.wait()
    run = rundir.RunDirectory(str(tmp_path), "r1")
    run.keep({"name": "a"}, {"gpu": {}})
    mine = whole.draft_name("run.json")
    left = mine.replace(f".{os.getpid()}.", f".{ended.pid}.")
    elsewhere = re.sub(rf"\.[^.]*\.{os.getpid()}\.", f".another-machine.{ended.pid}.", mine)
    folders = [tmp_path, run.path, run.path / "hosts", run.path / "facts"]
    for folder in folders:
        for name in (mine, left, elsewhere, ".keep", "x.draft"):
            (folder / name).write_text("half")
    rundir.sweep(str(tmp_path))
    for folder in folders:
        assert {mine, elsewhere, ".keep", "x.draft"} <= set(os.listdir(folder))
        assert left not in os.listdir(folder)
    os.utime(tmp_path / elsewhere, (0, 0))
    rundir.sweep(str(tmp_path))
    assert elsewhere not in os.listdir(tmp_path)


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
