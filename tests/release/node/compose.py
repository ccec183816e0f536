# Copyright (c) 2026 the muster.fleet authors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Compose v2, which Debian has from version 13 on: the plug-in alone, for the ``docker`` of this machine."""

from __future__ import annotations

from pathlib import Path

from rack.command import CommandFailed, run
from rack.daemon import Unavailable

SOURCE = "deb http://deb.debian.org/debian trixie main\n"
KEYRING = "/usr/share/keyrings/debian-archive-keyring.gpg"
PLUGIN = "usr/libexec/docker/cli-plugins/docker-compose"


def plugin(folder: Path) -> Path:
    """Return a folder for ``DOCKER_CONFIG`` that holds the plug-in; raise Unavailable where it is not to be had."""
    program = folder / "config" / "cli-plugins" / "docker-compose"
    if program.exists():
        return folder / "config"
    for name in ("lists/partial", "cache/archives/partial", "config/cli-plugins", "unpacked"):
        (folder / name).mkdir(parents=True, exist_ok=True)
    (folder / "sources.list").write_text(SOURCE.replace("deb ", f"deb [signed-by={KEYRING}] "))
    apart = {"Etc::sourceparts": "-", "Etc::sourcelist": folder / "sources.list", "State::lists": folder / "lists"}
    apart |= {"Cache": folder / "cache", "State::status": "/dev/null"}
    options = [word for name, value in apart.items() for word in ("-o", f"Dir::{name}={value}")]
    try:
        run("apt-get", *options, "update", timeout_s=180)
        run("apt-get", *options, "-o", "APT::Sandbox::User=root", "-y", "-d", "--no-install-recommends", "install",
            "docker-compose", timeout_s=180)  # fmt: skip
        package = next((folder / "cache" / "archives").glob("docker-compose_*.deb"))
        run("dpkg-deb", "-x", package, folder / "unpacked")
        (folder / "unpacked" / PLUGIN).rename(program)
    except (CommandFailed, StopIteration, OSError) as missing:
        raise Unavailable(f"Compose v2 is not to be had: {missing}") from missing
    return folder / "config"
