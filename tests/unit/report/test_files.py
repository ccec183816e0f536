# Copyright (c) 2026 the muster.fleet authors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Files: all of them or none, replaced in one step, and a clear word when they cannot be written."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from ansible_collections.muster.fleet.plugins.plugin_utils import report, whole
from ansible_collections.muster.fleet.plugins.plugin_utils.report import files
from ansible_collections.muster.fleet.tests.unit.report import sample

RUN = sample.rack()
NAMES = {"index.html", "run.json", "junit.xml", "summary.md", "muster.prom"}


def test_all_formats_are_written_and_nothing_else(tmp_path: Path) -> None:
    paths = report.write_all(RUN, tmp_path / "new" / "run")
    assert {path.name for path in paths} == NAMES == set(os.listdir(tmp_path / "new" / "run"))
    assert json.loads((tmp_path / "new" / "run" / "run.json").read_text()) == RUN


def test_files_are_as_readable_as_the_user_wants_them(tmp_path: Path) -> None:
    before = os.umask(0o027)
    try:
        paths = report.write_all(RUN, tmp_path)
    finally:
        os.umask(before)
    assert {path.stat().st_mode & 0o777 for path in paths} == {0o640}


def test_a_reader_sees_the_old_file_or_the_new_one(tmp_path: Path) -> None:
    report.write_all(RUN, tmp_path)
    with (tmp_path / "run.json").open() as old:
        report.write_all(RUN | {"run_id": "second"}, tmp_path)
        assert json.load(old)["run_id"] == RUN["run_id"]
    assert json.loads((tmp_path / "run.json").read_text())["run_id"] == "second"


def test_a_format_that_breaks_leaves_the_old_report(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    report.write_all(RUN, tmp_path)
    monkeypatch.setitem(files.FORMATS, "index.html", lambda run: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        report.write_all(RUN | {"run_id": "second"}, tmp_path)
    assert json.loads((tmp_path / "run.json").read_text())["run_id"] == RUN["run_id"]


def test_a_full_disk_leaves_no_half_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(_number: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(report.NotWritten, match="No space left on device"):
        report.write_all(RUN, tmp_path)
    assert os.listdir(tmp_path) == []


def test_a_directory_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(report.NotWritten, match=rf"cannot write the report to {tmp_path}/file/run: .*"):
        report.write_all(RUN, tmp_path / "file" / "run")


def test_a_link_in_the_way_is_not_followed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    victim = tmp_path / "victim"
    victim.write_text("mine")
    folder = tmp_path / "run"
    folder.mkdir()
    (folder / ".run.json.draft").symlink_to(victim)
    monkeypatch.setattr(whole, "draft_name", lambda name: f".{name}.draft")
    with pytest.raises(report.NotWritten):
        report.write_all(RUN, folder)
    assert victim.read_text() == "mine"
