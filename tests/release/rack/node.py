# Copyright (c) 2026 the muster.fleet authors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""One machine of the rack: a container that runs systemd, reached over SSH as a real one is."""

from __future__ import annotations

import time
import urllib.error
import urllib.request

from .command import CommandFailed
from .daemon import Daemon

READY_WITHIN_S = 60
# Not --privileged: what nested engines need is named, so that nothing else is given away.
OPTIONS = """
    --cap-add SYS_ADMIN --cap-add NET_ADMIN --cap-add SYS_PTRACE --security-opt seccomp=unconfined
    --security-opt apparmor=unconfined --cgroupns=private --tmpfs /run --tmpfs /run/lock --tmpfs /tmp:exec
    -v /var/lib/docker -v /var/lib/containers --network rack --stop-signal SIGRTMIN+3
"""


class Node:
    """A machine of the rack. What tests do to it goes through its container, so that SSH stays the product's."""

    def __init__(self, daemon: Daemon, name: str, address: str) -> None:
        self.daemon, self.name, self.address = daemon, name, address

    def create(self, image: str, key: str, *options: str) -> None:
        """Start the container, fresh; ``key`` is the file of public keys that may log in as root."""
        self.remove()
        own = ["--name", self.name, "--hostname", self.name, "--ip", self.address]
        keys = ["-v", f"{key}:/root/.ssh/authorized_keys:ro"]
        self.daemon.docker("run", "-d", *OPTIONS.split(), *own, *keys, *options, image, "/rack-init")

    def wait(self) -> None:
        """Wait until systemd is up and SSH and the engine answer."""
        ends = time.monotonic() + READY_WITHIN_S
        while True:
            try:
                self.sh("ss -Hltn sport = :22 | grep -q . && docker version >/dev/null", timeout_s=20)
                return
            except CommandFailed as not_yet:
                if time.monotonic() > ends:
                    units = self.sh("systemctl --failed --no-legend; journalctl -n 30 --no-pager", check=False)
                    raise CommandFailed(f"{self.name} is not up: {not_yet}: {units}") from not_yet
            time.sleep(0.3)

    def sh(self, script: str, *, stdin: str = "", timeout_s: float = 120, check: bool = True) -> str:
        """Run a shell script on the machine and return what it printed."""
        words = ["exec", "-i", self.name, "sh", "-c", script]
        return self.daemon.docker(*words, stdin=stdin, timeout_s=timeout_s, check=check)

    def write(self, path: str, text: str, mode: str = "644") -> None:
        """Write a file on the machine."""
        self.sh(f'mkdir -p "$(dirname {path})" && cat >{path} && chmod {mode} {path}', stdin=text)

    def read(self, path: str) -> str:
        """Return the text of a file on the machine."""
        return self.sh(f"cat {path}")

    def http(self, path: str, port: int = 8080, timeout_s: float = 2.0) -> str:
        """Return what the machine answers over HTTP from outside: the text, `HTTP` and the status, or nothing."""
        try:
            with urllib.request.urlopen(f"http://{self.address}:{port}{path}", timeout=timeout_s) as answer:
                return str(answer.read().decode().strip())
        except urllib.error.HTTPError as error:
            return f"HTTP {error.code}"
        except OSError:
            return ""

    def freeze(self) -> None:
        """Stop every process of the machine where it is: it no longer answers, as if its network were gone."""
        self.daemon.docker("pause", self.name)

    def thaw(self) -> None:
        """Let the machine go on."""
        self.daemon.docker("unpause", self.name)

    def remove(self) -> None:
        """Destroy the machine and its volumes."""
        self.daemon.docker("rm", "-fv", self.name, check=False)
