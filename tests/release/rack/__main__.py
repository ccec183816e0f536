# Copyright (c) 2026 the muster.fleet authors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The rack by hand and from playbooks.

    cd tests/release
    python -m rack up NAME FOLDER [MACHINE...] # starts machines, writes FOLDER/hosts.yml and FOLDER/rack.json
    python -m rack down NAME                   # destroys them; the last one turns everything off

``rack.json`` has the registry's address and the digests of its images. Exit code 3: Docker cannot run here.
"""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path

from . import Rack, Unavailable


def up(rack: Rack, folder: Path, machines: list[str]) -> None:
    """Start machines with the stand-in queue's images in the registry, and write what there is into ``folder``."""
    rack.enter()
    rack.start(*machines)
    print(rack.write_inventory(folder))
    registry = rack.registries[0]
    images = {"registry": registry.host, "annotation_queue": registry.push_queue("annotation-queue", rack.busybox)}
    (folder / "rack.json").write_text(json.dumps(images, indent=2) + "\n")


def main() -> int:
    """Do what the command line says."""
    parser = argparse.ArgumentParser(prog="rack", description="The rack in a box.")
    verbs = parser.add_subparsers(dest="verb", required=True)
    start = verbs.add_parser("up")
    start.add_argument("name")
    start.add_argument("folder", type=Path)
    start.add_argument("machine", nargs="*")
    verbs.add_parser("down").add_argument("name")
    options = parser.parse_args()
    rack = Rack(options.name)
    try:
        if options.verb == "up":
            up(rack, options.folder, options.machine)
        else:
            rack.leave()
    except Unavailable as reason:
        print(f"rack: {reason}", file=sys.stderr)
        return 3
    return 0


if __name__ == "__main__":
    sys.exit(main())
