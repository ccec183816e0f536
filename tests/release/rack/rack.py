# Copyright (c) 2026 the muster.fleet authors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The rack as a whole: one private daemon for a checkout, shared by everyone who uses it at the moment."""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from . import root
from .broker import Broker
from .command import CHECKOUT, run
from .daemon import Daemon
from .node import Node
from .registry import Registry

HOME = CHECKOUT / ".build" / "rack"
LOGIN = ("deployer", "pull-me-if-you-can")
FIRST, LAST = 2, 254  # last byte of the addresses
LABEL = "rack.user"
SSH = "-o StrictHostKeyChecking=no -o UserKnownHostsFile=/dev/null -o LogLevel=ERROR -o IdentitiesOnly=yes"
SSH += " -o ServerAliveInterval=2 -o ServerAliveCountMax=2"  # or a machine that froze would be waited for for ever


class Rack:
    """The machines of one user, among all that run on the checkout's daemon.

    The first user finds an empty rack, the last one to leave turns everything off; a user that was killed no longer
    counts. ``user`` names one; if it is not a process id, it stays until :meth:`leave`.
    """

    def __init__(self, user: str = "") -> None:
        self.user = user or str(os.getpid())
        self.daemon = Daemon(HOME)
        self.nodes: dict[str, Node] = {}
        self.registries: list[Registry] = []  # the open one, and the one that wants ``LOGIN``

    def enter(self) -> None:
        """Turn the rack on, if nobody has yet. Raises Unavailable where Docker cannot run."""
        with self._lock():
            if not self._users():
                self._turn_on()
            (HOME / "users" / self.user).touch()
        self.registries = [self._registry("registry"), self._registry("locked-registry", LOGIN)]

    def leave(self) -> None:
        """Destroy this user's machines; turn the rack off if nobody else uses it."""
        with self._lock():
            (HOME / "users" / self.user).unlink(missing_ok=True)
            if not self._users():
                self.daemon.stop()
            elif mine := self.daemon.docker("ps", "-aq", "--filter", f"label={LABEL}={self.user}").split():
                self.daemon.docker("rm", "-fv", *mine)

    def broker(self, password: str) -> Broker:
        """Start a message broker with streams."""
        with self._lock():
            broker = Broker(self.daemon, f"broker-{self.user}", self._free_address(), password)
            broker.create(root.image(self.daemon), "--label", f"{LABEL}={self.user}")
        broker.wait()
        return broker

    def start(self, *names: str, options: tuple[str, ...] = ()) -> list[Node]:
        """Create machines and wait until they are ready; ``options`` are more of ``docker run``."""
        created = []
        image = root.image(self.daemon)
        for name in names:
            with self._lock():
                node = Node(self.daemon, name, self._free_address())
                node.create(image, str(HOME / "key.pub"), "--label", f"{LABEL}={self.user}", *options)
            created.append(node)
            self.nodes[name] = node
        for node in created:
            node.wait()
            trusted = [f'[[registry]]\nlocation = "{each.host}"\ninsecure = true\n' for each in self.registries]
            node.write("/etc/containers/registries.conf.d/rack.conf", "\n".join(trusted))
        return created

    @property
    def busybox(self) -> bytes:
        """A static busybox, for images."""
        return root.busybox(self.daemon)

    def inventory(self, *names: str) -> dict[str, Any]:
        """Return an inventory of these machines, of all if none is named: group ``rack``, over SSH as root."""
        chosen = {name: self.nodes[name] for name in names or self.nodes}
        connection = {
            "ansible_user": "root",
            "ansible_ssh_private_key_file": str(HOME / "key"),
            "ansible_ssh_common_args": SSH,
            "ansible_python_interpreter": "/usr/bin/python3",
        }
        hosts = {name: {"ansible_host": node.address} for name, node in chosen.items()}
        return {"all": {"children": {"rack": {"hosts": hosts, "vars": connection}}}}

    def write_inventory(self, folder: Path, *names: str) -> Path:
        """Write the inventory into ``folder`` as hosts.yml (JSON is YAML) and return the file."""
        folder.mkdir(parents=True, exist_ok=True)
        file = folder / "hosts.yml"
        file.write_text(json.dumps(self.inventory(*names), indent=2) + "\n")
        return file

    def _registry(self, kind: str, login: tuple[str, str] | None = None) -> Registry:
        """Return a registry of this user, which may have one already from an earlier process."""
        name = f"{kind}-{self.user}"
        with self._lock():
            there = self.daemon.docker("ps", "-aq", "--filter", f"name=^{name}$").split()
            address = self._addresses(*there)[0] if there else self._free_address()
            registry = Registry(self.daemon, name, address, login)
            if not there:
                registry.create(root.image(self.daemon), "--label", f"{LABEL}={self.user}")
        registry.wait()
        return registry

    def _addresses(self, *containers: str) -> list[str]:
        address = "{{range .NetworkSettings.Networks}}{{.IPAMConfig.IPv4Address}}{{end}}"
        return self.daemon.docker("inspect", "-f", address, *containers).split() if containers else []

    def _free_address(self) -> str:
        taken = self._addresses(*self.daemon.docker("ps", "-aq").split())
        network = self.daemon.network
        return next(free for last in range(FIRST, LAST) if (free := f"{network}.{last}") not in taken)

    def _turn_on(self) -> None:
        self.daemon.start()
        root.image(self.daemon)
        for name in ("key", "key.pub"):
            (HOME / name).unlink(missing_ok=True)
        run("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", "rack", "-f", HOME / "key")

    def _users(self) -> list[str]:
        folder = HOME / "users"
        folder.mkdir(parents=True, exist_ok=True)
        for user in folder.iterdir():
            if user.name.isdigit() and not Path("/proc", user.name).exists():
                user.unlink()
        return sorted(user.name for user in folder.iterdir())

    @contextlib.contextmanager
    def _lock(self) -> Iterator[None]:
        HOME.mkdir(parents=True, exist_ok=True)
        with (HOME / "lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield
