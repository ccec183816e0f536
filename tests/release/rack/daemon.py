# Copyright (c) 2026 the muster.fleet authors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""A dockerd for the rack alone: its own data, socket, bridge and containerd; the machine's own is left as it is."""

from __future__ import annotations

import hashlib
import os
import shutil
import signal
import subprocess
import time
from pathlib import Path

from .command import CHECKOUT, CommandFailed, run

ANSWERS_WITHIN_S = 60
SUBNETS = [f"10.213.{third}" for third in range(256)]


class Unavailable(Exception):
    """Docker cannot run here, and why: the tests that need it are skipped, not failed."""


class Daemon:
    """The dockerd of one checkout. ``home`` keeps the images between runs, ``runtime`` is gone after :meth:`stop`."""

    def __init__(self, home: Path) -> None:
        key = hashlib.sha256(str(home).encode()).hexdigest()[:8]
        self.home = home
        self.runtime = Path("/run") / f"muster-rack-{key}"  # short, as a socket's path may have 107 characters
        self.bridge = f"mr-{key}"
        self._pidfile = self.runtime / "dockerd.pid"

    def docker(self, *words: str | Path, stdin: str = "", timeout_s: float = 120, check: bool = True) -> str:
        """Run the docker command line against this daemon."""
        program = shutil.which("docker", path="/usr/bin:/usr/sbin:/bin:/usr/local/bin") or "docker"
        socket = f"unix://{self.runtime / 'docker.sock'}"
        return run(program, "-H", socket, *words, stdin=stdin, timeout_s=timeout_s, check=check)

    @property
    def network(self) -> str:
        """The first three bytes of the network's addresses; the bridge, this machine, has the first address."""
        return self.docker("network", "inspect", "rack", "-f", "{{(index .IPAM.Config 0).Subnet}}").rpartition(".")[0]

    def start(self) -> None:
        """Start the daemon with an empty network ``rack``. Raises Unavailable where it does not run."""
        if os.geteuid() != 0:
            raise Unavailable("a Docker daemon needs root")
        for command, package in (("dockerd", "docker.io"), ("mmdebstrap", "mmdebstrap")):
            try:
                run(CHECKOUT / "tools" / "setup.sh", "need", command, package, timeout_s=600)
            except CommandFailed as missing:
                raise Unavailable(str(missing)) from missing
        self.stop()
        self._launch()
        self._wait()
        self._clear()
        self._make_network()

    def stop(self) -> None:
        """End the daemon with everything it runs, also one that an interrupted run has left behind."""
        pid = self._pid()
        if pid and self._answers():
            self._clear()
        for number, patience_s in ((signal.SIGTERM, 30.0), (signal.SIGKILL, 5.0)):
            ends = time.monotonic() + patience_s
            while self._pid() and time.monotonic() < ends:
                os.kill(self._pid(), number)
                time.sleep(0.3)
        for mount in reversed(Path("/proc/self/mounts").read_text().splitlines()):
            where = mount.split()[1]
            if where.startswith((str(self.runtime), str(self.home / "docker"))):
                run("umount", "-l", where, check=False)
        shutil.rmtree(self.runtime, ignore_errors=True)
        if Path("/sys/class/net", self.bridge).exists():
            run("ip", "link", "delete", self.bridge, check=False)

    def _launch(self) -> None:
        self.runtime.mkdir(mode=0o700)
        (self.runtime / "daemon.json").write_text("{}")  # or the machine's own would be read
        self._run("dockerd", *(f"--{name}={value}" for name, value in self._options().items()))

    def _options(self) -> dict[str, str | Path]:
        return {
            "data-root": self.home / "docker",
            "exec-root": self.runtime / "exec",
            "pidfile": self._pidfile,
            "host": f"unix://{self.runtime / 'docker.sock'}",
            "config-file": self.runtime / "daemon.json",
            "containerd-namespace": self.bridge,
            "containerd-plugins-namespace": f"{self.bridge}-plugins",
            "bridge": "none",
            "iptables": "false",  # machines talk to this one only, and its rules stay as they are
            "ip6tables": "false",
            "ip-forward": "false",
            "ip-masq": "false",
        }

    def _run(self, program: str, *words: str) -> subprocess.Popen[bytes]:
        self.home.mkdir(parents=True, exist_ok=True)
        with (self.home / f"{program}.log").open("wb") as log:
            return subprocess.Popen(
                [program, *words],
                env={**os.environ, "PATH": f"{os.environ['PATH']}:/usr/sbin:/sbin"},
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )

    def _wait(self) -> None:
        ends = time.monotonic() + ANSWERS_WITHIN_S
        while not self._answers():
            if time.monotonic() > ends or (time.monotonic() > ends - ANSWERS_WITHIN_S + 5 and not self._pid()):
                said = (self.home / "dockerd.log").read_text(errors="replace").strip().splitlines()
                self.stop()
                raise Unavailable(f"dockerd does not run here: {said[-1] if said else 'it said nothing'}")
            time.sleep(0.2)

    def _answers(self) -> bool:
        try:
            return bool(self.docker("version", "-f", "{{.Server.Version}}", timeout_s=10))
        except CommandFailed:
            return False

    def _clear(self) -> None:
        if left := self.docker("ps", "-aq").split():
            self.docker("rm", "-fv", *left)
        self.docker("network", "rm", "rack", check=False)

    def _make_network(self) -> None:
        routes = run("ip", "-4", "route")
        free = next(subnet for subnet in SUBNETS if f"{subnet}." not in routes)
        name = f"com.docker.network.bridge.name={self.bridge}"
        options = ["--subnet", f"{free}.0/24", "--gateway", f"{free}.1", "--opt", name]
        self.docker("network", "create", *options, "rack")

    def _pid(self) -> int:
        """Return the running daemon's process, 0 if there is none: a number from a file may be another's by now."""
        try:
            pid = int(self._pidfile.read_text())
            return pid if str(self._pidfile).encode() in Path(f"/proc/{pid}/cmdline").read_bytes() else 0
        except (OSError, ValueError):
            return 0
