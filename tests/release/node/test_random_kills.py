# Copyright (c) 2026 the muster.fleet authors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""kill -9 at random moments of time, of module, engine and connection: container, Compose project, model pointer."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
from rack import Unavailable
from rack.command import CHECKOUT

from node import Bench, compose, random_kills
from node.bench import RUNNER

TAGS, BAD = ("v1", "v2"), "v4"


class OnBench:
    """A service of this machine, whatever its kind."""

    deaths: tuple[str, ...] = ("module", "engine", "connection")

    def __init__(self, bench: Bench) -> None:
        self.bench = bench

    def request(self, what: str, tag: str) -> dict[str, Any]:
        """Return the options of a run."""
        if what == "rollback":
            return {"state": "rolled_back", "service": None}
        if what == "recovered":
            return {"state": "recovered", "service": None}
        return {"tag": tag, "files": self.files(tag)}

    def files(self, tag: str) -> list[dict[str, str]]:
        """Return the configuration of a release."""
        return [{"dest": str(self.bench.config), "content": f"release: {tag}\n"}]

    def start(self, what: str, tag: str) -> subprocess.Popen[str]:
        """Start a run in a process of its own."""
        process = subprocess.Popen(
            [sys.executable, str(RUNNER), str(CHECKOUT / "plugins")],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
            env={**os.environ},
        )
        assert process.stdin
        request = {"params": self.bench.params(**self.request(what, tag)), "engine_s": 1}
        process.stdin.write(json.dumps(request))
        process.stdin.close()
        process.stdin = None
        return process

    def finish(self, process: subprocess.Popen[str]) -> dict[str, Any]:
        """Wait for its end and return its result."""
        said, _ = process.communicate(timeout=180)
        return dict(json.loads(said)) if said else {}

    def kill(self, dies: str, process: subprocess.Popen[str]) -> None:
        """Kill the module, or hang up on it."""
        if dies == "module":
            process.send_signal(signal.SIGKILL)
        elif process.stdout:
            process.stdout.close()

    def engine(self) -> None:
        """Kill the engine."""
        pid = self.bench.daemon.pid
        os.kill(pid, signal.SIGKILL)
        while Path(f"/proc/{pid}").exists() and self.bench.daemon.pid:
            time.sleep(0.02)

    def again(self) -> None:
        """Bring the engine back."""
        self.bench.daemon.again()

    def holds(self) -> str | None:
        """Assert that one release runs, that history, journal, names and policies agree; return its tag."""
        return self.bench.agree()


class Project(OnBench):
    """The stand-in queue as a project of Compose."""

    def files(self, tag: str) -> list[dict[str, str]]:
        web = {"image": "${MUSTER_IMAGE}", "network_mode": "host", "restart": "unless-stopped"}
        content = f"# release: {tag}\n{json.dumps({'services': {'web': web}})}\n"
        return [{"dest": str(self.bench.config), "content": content}]

    def holds(self) -> str | None:
        history = self.bench.history()
        label = ["--filter", "label=com.docker.compose.project=queue"]
        names = self.bench.daemon.docker("ps", *label, "--format", "{{.Names}}").split()
        assert not (self.bench.state / "journal.json").exists()
        assert not (self.bench.state / "lease.json").exists()
        current = self.bench.tags().get(history["current"])
        assert len(names) == (1 if current else 0), (names, history)
        if current:
            assert self.bench.daemon.docker("exec", names[0], "/bin/busybox", "cat", "/VERSION").strip() == current
            assert f"# release: {current}\n" in self.bench.config.read_text()
        return current


class Model(OnBench):
    """A pointer to a model: nothing runs, and there is no engine to kill."""

    deaths = ("module", "connection")

    def files(self, tag: str) -> list[dict[str, str]]:
        return []

    def holds(self) -> str | None:
        history = self.bench.history()
        current = self.bench.tags().get(history["current"])
        assert not (self.bench.state / "journal.json").exists()
        assert not (self.bench.state / "lease.json").exists()
        assert [path.name for path in self.bench.folder.iterdir() if path.name.endswith(".new")] == []
        if current:
            assert f"models/{current}/best.pt" in self.bench.config.read_text()
        return current


def _lasts(subject: OnBench) -> float:
    """Return how long a deploy takes here, undisturbed, with both releases once deployed."""
    took = 0.0
    for tag in (*TAGS, TAGS[0]):
        began = time.monotonic()
        told = random_kills.finished(subject, "deploy", tag)
        assert told["outcome"] == "deployed", told
        took = time.monotonic() - began
    return took


def _survives(subject: OnBench, kind: str, capsys: pytest.CaptureFixture[str]) -> None:
    seed = random_kills.SEED
    lasts_s = _lasts(subject) + 0.3
    kills = random_kills.story(subject, seed, random_kills.COUNT, TAGS, BAD, lasts_s)
    with capsys.disabled():
        print("\n" + random_kills.table(kind, seed, kills))


def test_container(bench: Bench, capsys: pytest.CaptureFixture[str]) -> None:
    _survives(OnBench(bench), "container of Docker", capsys)


def test_compose(bench: Bench, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    try:
        monkeypatch.setenv("DOCKER_CONFIG", str(compose.plugin(CHECKOUT / ".build" / "compose")))
    except Unavailable as reason:
        pytest.skip(f"not run here: {reason}")
    bench.config = bench.folder / "compose.yml"
    for key in ("network", "mounts"):
        del bench.service[key]
    bench.service.update(
        kind="compose",
        compose={"file": str(bench.config), "service": "web"},
        config=[{"template": "compose.j2", "dest": str(bench.config)}],
    )
    _survives(Project(bench), "Compose project", capsys)


def test_model_pointer(bench: Bench, capsys: pytest.CaptureFixture[str]) -> None:
    for tag in (*TAGS, BAD):
        folder = bench.folder / "models" / tag
        folder.mkdir(parents=True)
        (folder / "best.pt").write_text("garbage" if tag == BAD else f"weights of {tag}")
    bench.config.write_text(f"training:\n  model: {bench.folder}/models/v2/best.pt\n")
    pointer = {
        "file": str(bench.config),
        "key": "training.model",
        "root": str(bench.folder / "models"),
        "command": ["grep", "-q", "weights"],
    }
    bench.service = {"kind": "model_pointer", "pointer": pointer, "watch_s": 0.3, "gate": {"running_s": 0.3}}
    _survives(Model(bench), "model pointer", capsys)
