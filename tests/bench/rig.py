"""A private sshd on the loopback interface that many host names lead to, and what Ansible needs to use it."""

from __future__ import annotations

import getpass
import os
import re
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from types import TracebackType

CHECKOUT = Path(__file__).resolve().parents[2]
SSHD_CONFIG = """\
Port {port}
ListenAddress 127.0.0.1
HostKey {root}/host_key
PidFile {root}/sshd.pid
AuthorizedKeysFile {root}/client_key.pub
AllowUsers {user}
PasswordAuthentication no
KbdInteractiveAuthentication no
PermitRootLogin prohibit-password
UsePAM no
StrictModes no
MaxStartups 1000
MaxSessions 1000
LogLevel ERROR
"""
SSH_CONFIG = """\
Host bench-*
  HostName 127.0.0.1
  Port {port}
  User {user}
  IdentityFile {root}/client_key
  IdentitiesOnly yes
  UserKnownHostsFile {root}/known_hosts
  StrictHostKeyChecking no
  LogLevel VERBOSE
"""
ANSIBLE_CONFIG = """\
[defaults]
inventory = {root}/inventory
collections_path = {root}/collections
local_tmp = {root}/local
remote_tmp = {root}/remote
forks = {forks}
host_key_checking = false
interpreter_python = {python}
localhost_warning = false
[ssh_connection]
pipelining = true
control_path_dir = {root}/cp
ssh_args = -F {root}/ssh_config -E {root}/ssh.log -o ControlMaster=auto -o ControlPersist=60s
"""


class Rig:
    """The sshd, its keys and Ansible's settings, in one temporary folder; a context manager."""

    def __init__(self, forks: int, remote_python: str = "/usr/bin/python3"):
        self.root = Path(tempfile.mkdtemp(prefix="bench-"))
        self._forks, self.python = forks, remote_python
        self._sshd: subprocess.Popen[bytes] | None = None
        self._made_separation_folder = False

    def __enter__(self) -> Rig:
        try:
            self._start()
        except BaseException:
            self.__exit__(None, None, None)
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._sshd:
            self._sshd.terminate()
            self._sshd.wait(10)
        if self._made_separation_folder:
            Path("/run/sshd").rmdir()
        shutil.rmtree(self.root, ignore_errors=True)

    @property
    def environment(self) -> dict[str, str]:
        """The environment that Ansible runs in: this rig's settings, none of the user's."""
        kept = {key: value for key, value in os.environ.items() if not key.startswith("ANSIBLE_")}
        kept.update(ANSIBLE_CONFIG=str(self.root / "ansible.cfg"), ANSIBLE_HOME=str(self.root / "home"))
        return {**kept, "PATH": f"{Path(sys.executable).parent}:{kept['PATH']}", "LC_ALL": "C.UTF-8"}

    def inventory(self, hosts: int, **variables: str) -> None:
        """Name ``hosts`` machines, all of which are this one."""
        lines = [f"bench-{number:04d}" for number in range(hosts)]
        lines += ["[all:vars]", *(f"{key}={value}" for key, value in variables.items())]
        (self.root / "inventory").write_text("\n".join(lines) + "\n")

    def transferred(self) -> tuple[int, int]:
        """Return bytes sent and received by all ssh connections since the last call, and forget them."""
        log = self.root / "ssh.log"
        found = re.findall(r"Transferred: sent (\d+), received (\d+) bytes", log.read_text(errors="replace"))
        log.write_text("")
        return sum(int(sent) for sent, _ in found), sum(int(received) for _, received in found)

    def _start(self) -> None:
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            port = probe.getsockname()[1]
        for name in ("host_key", "client_key"):
            self._run("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(self.root / name))
        names = {"root": self.root, "port": port, "user": getpass.getuser(), "forks": self._forks}
        names["python"] = self.python
        for file, text in (("sshd_config", SSHD_CONFIG), ("ssh_config", SSH_CONFIG), ("ansible.cfg", ANSIBLE_CONFIG)):
            (self.root / file).write_text(text.format(**names))
        for folder in ("cp", "home", "local", "collections/ansible_collections/muster"):
            (self.root / folder).mkdir(parents=True)
        (self.root / "collections/ansible_collections/muster/fleet").symlink_to(CHECKOUT)
        (self.root / "ssh.log").touch()
        self._listen(port)

    def _listen(self, port: int) -> None:
        sshd = shutil.which("sshd", path=f"{os.environ['PATH']}:/usr/sbin:/sbin")
        if not sshd:
            raise SystemExit("bench: no sshd here (Debian: apt install openssh-server)")
        if os.geteuid() == 0 and not Path("/run/sshd").exists():
            Path("/run/sshd").mkdir(mode=0o755)
            self._made_separation_folder = True
        self._sshd = subprocess.Popen(
            [sshd, "-D", "-E", str(self.root / "sshd.log"), "-f", str(self.root / "sshd_config")]
        )
        for _ in range(100):
            try:
                socket.create_connection(("127.0.0.1", port), 1).close()
                return
            except OSError:
                time.sleep(0.1)
        raise SystemExit("bench: the sshd does not listen")

    @staticmethod
    def _run(*command: str) -> None:
        subprocess.run(command, check=True)
