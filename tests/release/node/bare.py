# Copyright (c) 2026 the muster.fleet authors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""A dockerd that may be killed at any time, and a registry on a loopback address, which every engine trusts."""

from __future__ import annotations

import contextlib
import os
import shutil
import subprocess
import threading
from collections.abc import Iterator
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

    _containerd: subprocess.Popen[bytes] | None = None

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
        shutil.rmtree(self.home, ignore_errors=True)  # small, and those of an earlier run would be counted
        self._launch()
        self._wait()
        self._clear()

    @property
    def socket(self) -> Path:
        """The socket of the engine's API."""
        return self.runtime / "docker.sock"

    @property
    def pid(self) -> int:
        """The process of the daemon."""
        return self._pid()

    @contextlib.contextmanager
    def revived(self, after_s: float) -> Iterator[None]:
        """Start the daemon again so long after it died."""
        over = threading.Event()

        def watch() -> None:
            while self._pid() and not over.wait(0.05):
                pass
            over.wait(after_s)
            self.again()

        watcher = threading.Thread(target=watch)
        watcher.start()
        try:
            yield
        finally:
            over.set()
            watcher.join()

    def again(self) -> None:
        """Start it after it was killed, or leave it as it runs."""
        if self._pid():
            return
        self._pidfile.unlink(missing_ok=True)
        self._launch()
        self._wait()

    def stop(self) -> None:
        """End it, and its containerd with it."""
        super().stop()
        if self._containerd:
            self._containerd.terminate()
            self._containerd.wait()
            self._containerd = None

    def _launch(self) -> None:
        """Start containerd for itself, as on real machines: there it outlives a daemon that is killed."""
        root = ["--root", str(self.home / "containerd"), "--state", str(self.runtime / "containerd")]
        self.runtime.mkdir(mode=0o700, exist_ok=True)
        if not self._containerd:
            self._containerd = self._run("containerd", "--address", str(self._address), *root)
        (self.runtime / "daemon.json").write_text("{}")
        self._run("dockerd", *(f"--{name}={value}" for name, value in self._options().items()))

    def _options(self) -> dict[str, str | Path]:
        return {**super()._options(), "containerd": self._address}

    @property
    def _address(self) -> Path:
        return self.runtime / "containerd.sock"


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
