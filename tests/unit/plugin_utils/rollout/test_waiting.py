# Copyright (c) 2026 the muster.fleet authors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""A line now and then while nodes are at work, one for all workers, and none once they are done."""

from __future__ import annotations

import threading
import time

from ansible_collections.muster.fleet.plugins.plugin_utils.rollout import waiting


def test_who_is_at_work_is_told_now_and_then(tmp_path):
    said = []
    with waiting.told(tmp_path / "at-work", "n1", "queue, deploy of 2", said.append, every_s=0.2):
        assert said == []
        time.sleep(0.7)
    assert 1 <= len(said) <= 4
    assert said[0].startswith("muster: queue, deploy of 2: at work on n1 for ")
    told = len(said)
    time.sleep(0.5)
    assert len(said) == told, "it ends with the work"
    assert [path.name for path in (tmp_path / "at-work").iterdir()] == [".told"]


def test_one_worker_tells_of_all(tmp_path):
    said, place = [], tmp_path / "at-work"
    release = threading.Event()

    def work(host):
        with waiting.told(place, host, "queue, rollback", said.append, every_s=0.5):
            release.wait(3)

    workers = [threading.Thread(target=work, args=(f"n{number}",)) for number in range(8)]
    for worker in workers:
        worker.start()
    time.sleep(0.8)
    release.set()
    for worker in workers:
        worker.join()
    assert 1 <= len(said) <= 3, said
    assert "and 3 more for" in said[-1]


def test_where_nothing_can_be_noted_nothing_is_said_and_nothing_fails(tmp_path):
    (tmp_path / "file").write_text("")
    said = []
    with waiting.told(tmp_path / "file" / "at-work", "n1", "queue", said.append, every_s=0.05):
        time.sleep(0.2)
    assert said == []


def test_an_error_of_the_node_passes(tmp_path):
    try:
        with waiting.told(tmp_path / "at-work", "a/b", "queue", print):
            raise ValueError("gone")
    except ValueError:
        pass
    assert list((tmp_path / "at-work").glob("[!.]*")) == []
