# Copyright (c) 2026 the muster.fleet authors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""A dockerd that may be killed at any time, and a registry on a loopback address, which every engine trusts."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import time
from pathlib import Path

from rack.command import CHECKOUT, CommandFailed, run
from rack.daemon import Daemon, Unavailable
from rack.registry import PORT, Registry

CONFIG = """\
version: 0.1
log: {{level: error}}
storage: {{filesystem: {{rootdirectory: {root}}}, delete: {{enabled: true}}}}
http: {{addr: "{address}:{port}"}}
"""
NEEDED = (("dockerd", "docker.io"), ("docker-registry", "docker-registry"), ("busybox", "busybox-static"))


class BareDaemon(Daemon):
    """A daemon without a network: its containers use this machine's."""

    def start(self) -> None:
        """Start it, empty of containers. Raises Unavailable where it does not run."""
        if os.geteuid() != 0:
            raise Unavailable("a Docker daemon needs root")
        for command, package in NEEDED:
            try:
                run(CHECKOUT / "tools" / "setup.sh", "need", command, package, timeout_s=600)
            except CommandFailed as missing:
                raise Unavailable(str(missing)) from missing
        self.stop()
        self._launch()
        self._wait()
        self._clear()

    @property
    def socket(self) -> Path:
        """The socket of the engine's API."""
        return self.runtime / "docker.sock"

    def kill(self) -> None:
        """End the daemon as a crash does; what it runs is left without it."""
        if pid := self._pid():
            os.kill(pid, signal.SIGKILL)
        while self._pid():
            time.sleep(0.02)

    def again(self) -> None:
        """Start it after :meth:`kill`, or leave it as it runs."""
        if self._pid():
            return
        self._pidfile.unlink(missing_ok=True)
        self._launch(fresh=False)
        self._wait()

    def _launch(self, fresh: bool = True) -> None:
        if fresh:
            shutil.rmtree(self.runtime, ignore_errors=True)
            super()._launch()
        else:
            super()._run()


class LocalRegistry(Registry):
    """The registry of Debian as a process of this machine. ``address`` is one of 127.0.0.0/8."""

    def __init__(self, folder: Path, address: str) -> None:
        self.address, self.login, self._folder = address, None, folder
        self.host = f"{address}:{PORT}"
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start it, with what it held before."""
        self._folder.mkdir(parents=True, exist_ok=True)
        config = self._folder / "config.yml"
        config.write_text(CONFIG.format(root=self._folder / "data", address=self.address, port=PORT))
        log = (self._folder / "log").open("ab")
        self._process = subprocess.Popen(["docker-registry", "serve", str(config)], stdout=log, stderr=log)
        self.wait()

    def stop(self) -> None:
        """Take it away."""
        if self._process:
            self._process.kill()
            self._process.wait()
