# Copyright (c) 2026 the muster.fleet authors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What the console says while nodes are at work: pull, gate and watch window take minutes, in which all is silent.

Workers tell each other by files who is at work, so that one line every ten seconds names all of them.
"""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from urllib.parse import quote, unquote

from ..progress import EVERY_S
from ..report.text import plain

HOSTS_SHOWN = 5


@contextmanager
def told(place: Path, host: str, what: str, say: Callable[[str], None], every_s: float = EVERY_S) -> Iterator[None]:
    """Say every ten seconds that hosts are at work on ``what``, as long as this one is; one worker says it for all.

    Progress is a convenience: where it cannot be noted nothing is said.
    """
    over = threading.Event()
    mine = place / quote(host, safe="")
    with suppress(OSError):
        place.mkdir(parents=True, exist_ok=True)
        mine.touch()

    def beat() -> None:
        while not over.wait(every_s):
            with suppress(OSError):
                if _is_due(place, every_s):
                    say(line(place, what))

    teller = threading.Thread(target=beat, daemon=True)
    teller.start()
    try:
        yield
    finally:
        over.set()
        teller.join()
        with suppress(OSError):
            mine.unlink(missing_ok=True)


def line(place: Path, what: str) -> str:
    """Return who is at work, and for how long."""
    since = {unquote(path.name): path.stat().st_mtime for path in place.iterdir() if not path.name.startswith(".")}
    hosts = sorted(since, key=since.__getitem__)
    longest = max(0.0, time.time() - min(since.values(), default=time.time()))
    more = f" and {len(hosts) - HOSTS_SHOWN} more" if len(hosts) > HOSTS_SHOWN else ""
    where = ", ".join(plain(host, 60) for host in hosts[:HOSTS_SHOWN])
    return f"muster: {plain(what, 200)}: at work on {where}{more} for {longest:.0f} s"


def _is_due(place: Path, every_s: float) -> bool:
    """Say whether nobody has told it within these seconds, and note that it is told."""
    mark = place / ".told"
    if mark.exists() and time.time() - mark.stat().st_mtime < every_s * 0.9:
        return False
    mark.touch()
    os.utime(mark)
    return True
