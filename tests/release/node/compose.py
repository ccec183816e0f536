# Copyright (c) 2026 the muster.fleet authors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Compose v2, which Debian has from version 13 on: the plug-in alone, for the ``docker`` of this machine."""

from __future__ import annotations

from pathlib import Path

from rack.command import CommandFailed, run
from rack.daemon import Unavailable

UNPACK = Path(__file__).resolve().parents[3] / "tools" / "debian.sh"
PLUGIN = "root/usr/libexec/docker/cli-plugins/docker-compose"


def plugin(folder: Path) -> Path:
    """Return a folder for ``DOCKER_CONFIG`` that holds the plug-in; raise Unavailable where it is not to be had."""
    program = folder / "config" / "cli-plugins" / "docker-compose"
    if not program.exists():
        try:
            run(UNPACK, "trixie", folder, "docker-compose", timeout_s=240)
            program.parent.mkdir(parents=True)
            (folder / PLUGIN).rename(program)
        except (CommandFailed, OSError) as missing:
            raise Unavailable(f"Compose v2 is not to be had: {missing}") from missing
    return folder / "config"
