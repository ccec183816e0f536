# Copyright (c) 2026 the muster.fleet authors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What a machine of the rack consists of: Debian 12 with systemd, SSH, two engines, a registry and a broker."""

from __future__ import annotations

import fnmatch
import hashlib
import os
import tarfile
import tempfile
from pathlib import Path

from .command import run
from .daemon import Daemon

SUITE = "bookworm"
PACKAGES = """
    systemd-sysv dbus openssh-server ca-certificates iproute2 iptables procps python3
    docker.io podman crun netavark aardvark-dns catatonit
    busybox-static python3-pika python3-requests docker-registry rabbitmq-server
"""
UNUSED = ["/usr/share/doc/*", "/usr/share/man/*", "/usr/share/locale/*", "/usr/share/info/*"]

# The container may see its own part of each cgroup tree, but not write to it until it is mounted anew; the host's
# tree of systemd is not given to it at all, or all machines would share one. Storage of nested engines is a volume.
INIT = """\
#!/bin/sh
awk '$3 ~ /^cgroup2?$/ {print $2}' /proc/mounts | while read -r tree; do mount -o remount,bind,rw "$tree"; done
mount -o remount,bind,rw /proc/sys
mount --make-rshared /
exec /sbin/init
"""
FILES = {
    "rack-init": INIT,
    "etc/docker/daemon.json": '{"insecure-registries": ["10.213.0.0/16"]}\n',
    "etc/ssh/sshd_config.d/rack.conf": "UseDNS no\nMaxStartups 200\nMaxSessions 200\n",
    "etc/rabbitmq/enabled_plugins": "[rabbitmq_stream].\n",
    "etc/rabbitmq/rabbitmq.conf": "loopback_users = none\n",
}
UNITS_OFF = "rabbitmq-server epmd.socket docker-registry apt-daily.timer apt-daily-upgrade.timer e2scrub_all.timer"

# What a container needs to run Python and talk to the broker: the files of these packages, out of the machine's root.
PYTHON_PACKAGES = """
    libc6 libcrypt1 libssl3 libexpat1 libffi8 zlib1g libbz2-1.0 liblzma5 libuuid1 libsqlite3-0 media-types
    python3 python3-minimal python3.11 python3.11-minimal libpython3-stdlib libpython3.11-minimal
    libpython3.11-stdlib python3-pika
"""


def image(daemon: Daemon) -> str:
    """Return the name of the machines' image; it is built once, in about a minute, and then kept in ``daemon.home``."""
    recipe = repr((SUITE, PACKAGES, UNUSED, FILES, UNITS_OFF, PYTHON_PACKAGES))
    name = f"rack:{hashlib.sha256(recipe.encode()).hexdigest()[:16]}"
    if daemon.docker("images", "-q", name).strip() and python_layer(daemon).exists():
        return name
    if old := daemon.docker("images", "-q", "rack").split():
        daemon.docker("rmi", "-f", *old)
    with tempfile.TemporaryDirectory(dir=daemon.home) as folder:
        tar = Path(folder) / "root.tar"
        _bootstrap(Path(folder), tar)
        _cut(tar, daemon)
        daemon.docker("import", tar, name, timeout_s=300)
    return name


def busybox(daemon: Daemon) -> bytes:
    """Return the static busybox of the machines' image."""
    return (daemon.home / "busybox").read_bytes()


def python_layer(daemon: Daemon) -> Path:
    """Return the layer of an image that holds Python and the broker's client."""
    return daemon.home / "python.tar"


def _bootstrap(folder: Path, tar: Path) -> None:
    overlay = folder / "overlay"
    for name, text in FILES.items():
        file = overlay / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)
        file.chmod(0o755 if name == "rack-init" else 0o644)
    options = ["--variant=minbase", f"--include={','.join(PACKAGES.split())}"]
    options += [f"--dpkgopt=path-exclude={pattern}" for pattern in UNUSED]
    options += [f"--customize-hook=sync-in {overlay} /", f'--customize-hook=chroot "$1" systemctl disable {UNITS_OFF}']
    options += ['--customize-hook=chroot "$1" systemctl enable podman.socket']
    run("mmdebstrap", *options, SUITE, tar, timeout_s=900)
    os.sync()


def _cut(tar: Path, daemon: Daemon) -> None:
    """Cut Python's layer and busybox out of the machine's root."""
    with tarfile.open(tar) as root:
        members = {member.name.lstrip("./"): member for member in root}
        wanted = {"bin", "lib", "lib64", "sbin"}  # links into /usr
        for package in PYTHON_PACKAGES.split():
            for name in fnmatch.filter(members, f"var/lib/dpkg/info/{package}[.:]*list"):
                if name.split("/")[-1].split(":")[0].removesuffix(".list") == package:
                    listed = root.extractfile(members[name])
                    wanted.update(line.decode().strip("/\n") for line in listed or ())
        wanted |= {f"usr/{name}" for name in wanted if name.startswith(("lib", "bin"))}
        with tarfile.open(python_layer(daemon), "w", format=tarfile.PAX_FORMAT) as layer:
            for name in sorted(wanted & members.keys()):
                member = members[name]
                layer.addfile(member, root.extractfile(member) if member.isreg() else None)
        found = root.extractfile(members["usr/bin/busybox"] if "usr/bin/busybox" in members else members["bin/busybox"])
        (daemon.home / "busybox").write_bytes(found.read() if found else b"")
