# Copyright (c) 2026 the muster.fleet authors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Bad input, full disks, held accelerators, two at once: refused before anything is stopped, with the reason."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from ansible_collections.muster.fleet.plugins.module_utils.release import readiness
from node import Bench, Ran

DEVICE = Path("/dev/nvidia77")
each = pytest.mark.parametrize


def refused(bench: Bench, ran: Ran, *words: str) -> None:
    """Assert that nothing was done, that the message says why, and that the service is as it was."""
    assert (ran["outcome"], ran["changed"], ran["failed"]) == ("refused", False, True), ran["msg"]
    assert all(word in ran["msg"] for word in ("service queue: ", *words)), ran["msg"]
    assert bench.agree() == "v1"


@pytest.fixture
def v1(bench: Bench) -> Bench:
    """A service whose release v1 runs."""
    assert bench.deploy("v1")["outcome"] == "deployed"
    return bench


def test_no_such_tag(v1: Bench) -> None:
    refused(v1, v1.deploy("v99"), "annotation-queue:v99", "manifest unknown")


def test_registry_down(v1: Bench) -> None:
    v1.registry.stop()
    try:
        refused(v1, v1.deploy("v2"), "annotation-queue:v2", "connection refused")
    finally:
        v1.registry.start()


def test_bad_tag_and_bad_service(v1: Bench) -> None:
    refused(v1, v1.deploy("v2;reboot"), "is no tag")
    refused(v1, v1.deploy("v2", service={**v1.service, "moutns": []}), "moutns: unknown key, did you mean mounts?")


def test_missing_variable(v1: Bench) -> None:
    v1.service["required_env"] = ["PORT", "RABBITMQ_HOST"]
    refused(v1, v1.deploy("v2"), "RABBITMQ_HOST")


def test_missing_mount_and_directory(v1: Bench) -> None:
    v1.service["mounts"].append({"source": "/no/such/folder", "target": "/x"})
    refused(v1, v1.deploy("v2"), "/no/such/folder is not there")
    v1.service["mounts"].pop()
    v1.service["preflight"] = {"directories": [{"path": str(v1.data), "mode": "0700"}]}
    v1.data.chmod(0o755)
    refused(v1, v1.deploy("v2"), str(v1.data), "has the mode 0755, expected 0700")


def test_driver_and_runtime_that_are_not_here(v1: Bench) -> None:
    v1.service["preflight"] = {"driver": "gaudi", "container_runtime": "habana"}
    refused(v1, v1.deploy("v2"), "/sys/module/habanalabs", "the engine knows no runtime habana")


def test_configuration_that_cannot_be_written(v1: Bench) -> None:
    file = {"dest": "/no/such/folder/app.conf", "content": "x"}
    mine = {"dest": str(v1.config), "content": "x"}
    refused(v1, v1.run(tag="v2", files=[file]), "configuration cannot be written")
    refused(v1, v1.run(tag="v2", files=[{**mine, "owner": "nobody-here"}]), str(v1.config), "nobody-here")
    refused(v1, v1.run(tag="v2", files=[{**mine, "mode": "rw"}], check=True), "'rw' is no mode")


@each("name", ["audit.jsonl", "history.json", "releases"])
def test_memory_that_was_changed(v1: Bench, name: str) -> None:
    path = v1.state / name
    path = next(path.iterdir()) if path.is_dir() else path
    whole = path.read_text()
    path.write_text(whole.replace("annotation-queue", "another-queue").replace('"PORT"', '"PROT"'))
    refused(v1, v1.deploy("v2"), "tampered" if name != "releases" else "was changed")
    path.write_text(whole[: len(whole) // 2])
    ran = v1.deploy("v2")
    if name == "releases":
        assert (ran["outcome"], ran["changed"]) == ("refused", False), ran["msg"]
        path.write_text(whole)
        assert v1.agree() == "v1"
        ran = v1.deploy("v2")
    else:  # log and history rebuild each other
        assert any("what was there is in" in warning for warning in ran["warnings"]), ran
    assert ran["outcome"] == "deployed", ran["msg"]
    assert v1.agree() == "v2"
    assert v1.back()["outcome"] == "rolled_back"


def test_way_back_fills_a_full_disk_no_further(small: Bench) -> None:
    """A data disk that a bad release filled, with the state on it: what is kept in reserve is for this."""
    assert small.deploy("v2")["outcome"] == "deployed"
    ballast = fill(small.state_dir)
    ran = small.deploy("v1")
    assert (ran["outcome"], str(small.state) in ran["msg"], "Make room" in ran["msg"]) == ("refused", True, True)
    back = small.back()
    assert (back["outcome"], small.agree()) == ("rolled_back", "v1"), back["msg"]
    ballast.unlink()


def test_interrupted_with_all_of_the_release_before_gone(bench: Bench) -> None:
    """It is fetched by its digest; where the registry is gone, too, another release is deployed all the same."""
    bench.deploy("v1")
    for registry in (True, False):
        assert bench.deploy("v2", kill={"at": "retain", "when": "after"}) == {}
        bench.daemon.docker("system", "prune", "-af")
        for image in bench.daemon.docker("images", "-q").split():
            bench.daemon.docker("rmi", "-f", image)
        if not registry:
            bench.registry.stop()
        try:
            told = bench.run(state="recovered", service=None)
        finally:
            bench.registry.start() if not registry else None
        assert told["outcome"] == ("recovered" if registry else "failed"), told["msg"]
        assert bench.running() == ([bench.history()["current"]] if registry else [])
    assert bench.deploy("v5")["outcome"] == "deployed"
    assert bench.agree() == "v5"


def test_torn_log_is_mended_and_told(v1: Bench) -> None:
    with (v1.state / "audit.jsonl").open("a") as log:
        log.write('{"event": "commi')
    ran = v1.deploy("v2")
    assert ran["outcome"] == "deployed"
    assert "cut off 16 bytes of an unfinished last line of audit.jsonl" in ran["warnings"]
    assert readiness.run(v1.params())["audit"]["intact"] is True


def test_clock_set_back(v1: Bench) -> None:
    """A day earlier than the release before: order, lease and the way back do not hang on the clock."""
    assert v1.deploy("v2", clock_s=-86400)["outcome"] == "deployed"
    assert v1.deploy("v5")["outcome"] == "deployed"
    assert v1.back()["release"]["tag"] == "v2"
    assert v1.back()["release"]["tag"] == "v1"


def test_two_controllers_at_once(v1: Bench) -> None:
    v1.service["gate"]["running_s"] = 4
    first: dict[str, Any] = {}
    worker = threading.Thread(target=lambda: first.update(v1.deploy("v2", who="first@one", run_id="run-first")))
    worker.start()
    while not (v1.state / "lease.json").exists():
        time.sleep(0.02)
    second = v1.deploy("v5", who="second@two")
    worker.join()
    assert (second["outcome"], second["changed"]) == ("refused", False)
    assert "first@one works on it (run run-first) since 20" in second["msg"]
    assert "until 20" in second["msg"]
    assert first["outcome"] == "deployed"
    assert v1.agree() == "v2"


# --- disks --------------------------------------------------------------------------------------------


@pytest.fixture
def small(bench: Bench) -> Iterator[Bench]:
    """A service whose state lies on a file system of 1 MiB, with v1 running."""
    bench.state_dir.mkdir()
    if subprocess.run(["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", bench.state_dir], check=False).returncode:
        pytest.skip("not run here: nothing may be mounted")
    assert bench.deploy("v1")["outcome"] == "deployed"
    yield bench
    subprocess.run(["umount", "-l", bench.state_dir], check=True)


def fill(folder: Path) -> Path:
    """Fill a file system to the last byte."""
    ballast = folder / "ballast"
    with ballast.open("wb", buffering=0) as out:
        for size in (4096, 1):
            try:
                while True:
                    out.write(b"\0" * size)
            except OSError:
                continue
    return ballast


def test_full_disk_is_refused_while_the_service_stays_up(small: Bench) -> None:
    small.service["preflight"] = {"disk_percent": {"warn": 200, "fail": 200}}
    (small.state / "reserve").unlink()
    ballast = fill(small.state_dir)
    ran = small.deploy("v2")
    assert (ran["outcome"], ran["changed"]) == ("refused", False), ran["msg"]
    assert "No space left" in ran["msg"]
    assert small.running() == [small.history()["current"]]
    ballast.unlink()
    assert small.deploy("v2")["outcome"] == "deployed"
    assert small.agree() == "v2"


def test_disk_that_fills_up_after_the_stop_loses_nothing(small: Bench) -> None:
    small.service["preflight"] = {"disk_percent": {"warn": 200, "fail": 200}}
    small.service["stop"] = {"grace_s": 4}
    assert small.deploy("v5")["outcome"] == "deployed", "deaf: its stop takes long enough to fill the disk meanwhile"
    journal = small.state / "journal.json"

    def fills() -> None:
        while not journal.exists() or '"stop"' not in journal.read_text():
            time.sleep(0.02)
        fill(small.state_dir)

    filler = threading.Thread(target=fills)
    filler.start()
    ran = small.deploy("v2")
    filler.join()
    assert ran["outcome"] == "deployed", ran["msg"]
    assert small.agree() == "v2"


def test_almost_full_disk_fails_the_checklist(v1: Bench) -> None:
    v1.service["preflight"] = {"disk_percent": {"warn": 0, "fail": 0}}
    refused(v1, v1.deploy("v2"), "% full")
    v1.service["preflight"] = {"disk_percent": {"warn": 0, "fail": 101}}
    assert any("warning from 0 %" in warning for warning in v1.deploy("v2")["warnings"])


def test_read_only_state_is_refused_while_the_service_stays_up(small: Bench) -> None:
    subprocess.run(["mount", "-o", "remount,ro", small.state_dir], check=True)
    ran = small.deploy("v2")
    assert (ran["outcome"], ran["changed"]) == ("refused", False)
    assert "Read-only file system" in ran["msg"]
    assert small.running() == [small.history()["current"]]


# --- accelerators -------------------------------------------------------------------------------------


@pytest.fixture
def device() -> Iterator[Path]:
    """A device node that is named like a card's and is /dev/null."""
    DEVICE.unlink(missing_ok=True)
    os.mknod(DEVICE, 0o20666, os.makedev(1, 3))
    yield DEVICE
    DEVICE.unlink()


@pytest.fixture
def training(device: Path) -> Iterator[subprocess.Popen[bytes]]:
    """A process that holds it."""
    with device.open() as handle:
        process = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"], stdin=handle)
    yield process
    process.kill()
    process.wait()


def test_held_accelerator(bench: Bench, training: subprocess.Popen[bytes]) -> None:
    assert bench.deploy("v1")["outcome"] == "deployed", "not given the card, it does not matter who holds it"
    bench.service["devices"] = [str(DEVICE)]
    bench.service["accelerators"] = "refuse"
    refused(bench, bench.deploy("v2"), str(DEVICE), f"process {training.pid}")
    bench.service["accelerators"] = "wait:1"
    started = time.monotonic()
    refused(bench, bench.deploy("v2"), "wait:1")
    assert time.monotonic() - started > 1
    assert "process" in bench.deploy("v2", check=True)["msg"], "check mode says so, too"
    bench.service["accelerators"] = "wait:60"
    threading.Timer(2, training.kill).start()
    assert bench.deploy("v2")["outcome"] == "deployed"
    assert bench.agree() == "v2"


def test_training_container_is_seen_and_never_stopped(bench: Bench, device: Path) -> None:
    bench.deploy("v1")
    image = bench.containers()[0]["image"]
    own = ["--name", "training", "--network", "host", "--device", str(device), "-e", f"PORT={bench.port + 500}"]
    bench.daemon.docker("run", "-d", *own, image)
    try:
        bench.service.update(devices=[str(device)], accelerators="refuse")
        refused(bench, bench.deploy("v2"), f"{device} by container training")
        assert bench.daemon.docker("inspect", "training", "-f", "{{.State.Running}}").strip() == "true"
    finally:
        bench.daemon.docker("rm", "-f", "training")
    assert bench.deploy("v2")["outcome"] == "deployed"
    assert bench.deploy("v1")["outcome"] == "deployed", "what the service itself holds does not count"
