# Copyright (c) 2026 the muster.fleet authors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Running programs of this machine."""

from __future__ import annotations

import subprocess
from pathlib import Path

CHECKOUT = Path(__file__).resolve().parents[3]


class CommandFailed(Exception):
    """A program failed or took too long; the text holds what it printed."""


def run(*command: str | Path, stdin: str = "", timeout_s: float = 120, check: bool = True) -> str:
    """Run a program and return what it printed, both streams together."""
    words = [str(part) for part in command]
    try:
        done = subprocess.run(
            words,
            input=stdin,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
            timeout=timeout_s,
            check=False,
        )
    except subprocess.TimeoutExpired as late:
        raise CommandFailed(f"{' '.join(words)}: not done after {timeout_s} s: {late.stdout!r}") from late
    if check and done.returncode:
        raise CommandFailed(f"{' '.join(words)}: exit code {done.returncode}: {done.stdout}")
    return done.stdout
