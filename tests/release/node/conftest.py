# Copyright (c) 2026 the muster.fleet authors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The release engine on this machine itself: a dockerd, a registry and one service for each process of the tests."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from rack import Unavailable

from node import BareDaemon, Bench, LocalRegistry

CHECKOUT = Path(__file__).resolve().parents[3]
BUSYBOX = Path("/usr/bin/busybox")


def _number(worker_id: str) -> int:
    return int(worker_id[2:]) if worker_id.startswith("gw") else 9


@pytest.fixture(scope="session")
def daemon(worker_id: str) -> Iterator[BareDaemon]:
    """A dockerd of this test process; skips every test that asks for it where Docker cannot run."""
    daemon = BareDaemon(CHECKOUT / ".build" / f"engine-{worker_id}")
    try:
        daemon.start()
    except Unavailable as reason:
        pytest.skip(f"not run here: Docker cannot run: {reason}")
    yield daemon
    daemon.stop()


@pytest.fixture(scope="session")
def registry(daemon: BareDaemon, worker_id: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalRegistry]:
    """A registry with the stand-in queue's images."""
    registry = LocalRegistry(tmp_path_factory.mktemp("registry"), f"127.0.77.{10 + _number(worker_id)}")
    registry.start()
    registry.push_queue("annotation-queue", BUSYBOX.read_bytes())
    yield registry
    registry.stop()


@pytest.fixture
def bench(daemon: BareDaemon, registry: LocalRegistry, worker_id: str, tmp_path: Path) -> Iterator[Bench]:
    """A service that was never deployed."""
    bench = Bench(daemon, registry, tmp_path / "node", "queue", 18100 + _number(worker_id))
    yield bench
    daemon.again()
    bench.clear()


@pytest.fixture(scope="module")
def kept(
    daemon: BareDaemon, registry: LocalRegistry, worker_id: str, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Bench]:
    """A service that goes from test to test, whatever became of it."""
    bench = Bench(daemon, registry, tmp_path_factory.mktemp("kept") / "node", "kept", 18200 + _number(worker_id))
    yield bench
    daemon.again()
    bench.clear()
    shutil.rmtree(bench.folder, ignore_errors=True)
