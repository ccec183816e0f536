# Copyright (c) 2026 the muster.fleet authors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""One service on one engine, as a test works with it: deploy, go back, kill, look."""

from __future__ import annotations

import json
import shutil
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

from rack.command import CHECKOUT

from .bare import BareDaemon, LocalRegistry

RUNNER = Path(__file__).with_name("runner.py")
SECRET = "s3cr3t-never-told-0815"
# Every wait as short as it can be and still be one: the stand-in queue counts five times a second.
GATE = {"timeout_s": 6, "running_s": 0.3}


class Ran(dict[str, Any]):
    """The result of a run; ``code`` is how its process ended."""

    code: int = 0


class Bench:
    """A service ``name`` with its state and files in ``folder``. Its port is ``port`` of this machine."""

    def __init__(self, daemon: BareDaemon, registry: LocalRegistry, folder: Path, name: str, port: int) -> None:
        self.daemon, self.registry, self.folder, self.name, self.port = daemon, registry, folder, name, port
        self.python = sys.executable  # the machine's
        self.state_dir = folder / "state"
        self.state = self.state_dir / name
        self.data = folder / "data"
        self.data.mkdir(parents=True, exist_ok=True)
        self.config = folder / "config.yaml"
        self.service: dict[str, Any] = {
            "image": f"{registry.host}/annotation-queue",
            "network": "host",
            "env": {"PORT": str(port), "PASSWORD": SECRET},
            "required_env": ["PORT"],
            "config": [{"template": "config.j2", "dest": str(self.config)}],
            "mounts": [
                {"source": str(self.data), "target": "/data"},
                {"source": str(self.config), "target": "/config.yaml", "read_only": True},
            ],
            "stop": {"grace_s": 2},
            "gate": {**GATE, "http": {"url": f"http://127.0.0.1:{port}/cgi-bin/health", "contains": "ok"}},
            "watch_s": 0,
            "accelerators": "ignore",
        }

    # --- running ----------------------------------------------------------------------------------

    def deploy(self, tag: str, **more: Any) -> Ran:
        """Deploy a tag; the configuration file says which."""
        file = {"dest": str(self.config), "content": f"release: {tag}\npassword: {SECRET}\n"}
        return self.run(state="present", tag=tag, files=[file], **more)

    def back(self, **more: Any) -> Ran:
        """Roll back, without a word of what the service is."""
        return self.run(state="rolled_back", service=None, **more)

    def run(self, kill: dict[str, Any] | None = None, **options: Any) -> Ran:
        """Run the module in a process of its own, which ``kill`` may end.

        ``options`` are the module's, or ``check``, ``engine_s`` and ``clock_s`` (see ``runner.py``).
        """
        more = {key: options.pop(key) for key in ("check", "engine_s", "clock_s") if key in options}
        request = {"params": self.params(**options), "kill": kill or {}, **more}
        done = subprocess.run(
            [self.python, str(RUNNER), str(CHECKOUT / "plugins")],
            input=json.dumps(request),
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )
        assert done.returncode == 0 or (kill and done.returncode == -signal.SIGKILL), done.stderr
        ran = Ran(json.loads(done.stdout) if done.stdout else {})
        ran.code = done.returncode
        return ran

    def params(self, **options: Any) -> dict[str, Any]:
        """Return the module's options."""
        told = {
            "name": self.name,
            "service": self.service,
            "state": "present",
            "tag": None,
            "to": 1,
            "of_run": None,
            "env": "{}",
            "files": "[]",
            "registry": None,
            "run_id": "run-1",
            "who": "tester@controller",
            "why": "a test",
            "state_dir": str(self.state_dir),
            "lease_s": 900,
            "socket": str(self.daemon.socket),
        }
        return {**told, **options}

    # --- looking ----------------------------------------------------------------------------------

    def running(self) -> list[str]:
        """Return the versions of this service that run, by their tag of image."""
        containers = self.containers()
        return [entry["release"] for entry in containers if entry["running"]]

    def containers(self) -> list[dict[str, Any]]:
        """Return all containers of this service."""
        ids = self.daemon.docker("ps", "-aq", "--no-trunc", "--filter", f"name=^/{self.name}").split()
        told = json.loads(self.daemon.docker("inspect", *ids)) if ids else []
        return [
            {
                "name": entry["Name"].lstrip("/"),
                "running": entry["State"]["Running"],
                "policy": entry["HostConfig"]["RestartPolicy"]["Name"],
                "release": entry["Config"]["Labels"].get("muster.fleet.release", entry["Id"]),
                "image": entry["Image"],
                "shown": json.dumps(entry["Config"]["Labels"]),
            }
            for entry in told
        ]

    def history(self) -> dict[str, Any]:
        """Return the history file."""
        file = self.state / "history.json"
        return dict(json.loads(file.read_text())) if file.exists() else {"current": None, "releases": []}

    def tags(self) -> dict[str, str]:
        """Return the tag of each release in the history."""
        return {entry["id"]: entry["tag"] for entry in self.history()["releases"]}

    def agree(self) -> str | None:
        """Assert that exactly the history's current release runs and that nothing is left over; return its tag."""
        history = self.history()
        current = history["current"]
        assert self.running() == ([current] if current else []), (self.containers(), history)
        assert not (self.state / "journal.json").exists()
        assert not (self.state / "lease.json").exists()
        aside = [entry for entry in self.containers() if not entry["running"]]
        assert all(entry["policy"] == "no" for entry in aside), aside
        named = [entry["name"] for entry in self.containers() if entry["running"]]
        assert named == ([self.name] if current else [])
        waiting = [file.name for file in self.folder.iterdir() if file.name.startswith(".")]
        assert waiting == []
        tag = self.tags().get(current)
        assert tag is None or f"release: {tag}\n" in self.config.read_text()
        return tag

    def clear(self) -> None:
        """Remove everything of this service."""
        ids = self.daemon.docker("ps", "-aq", "--filter", f"name=^/{self.name}").split()
        if ids:
            self.daemon.docker("rm", "-f", *ids)
        shutil.rmtree(self.folder, ignore_errors=True)
