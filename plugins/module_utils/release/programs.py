# Copyright (c) 2026 the muster.fleet authors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Programs of the machine that a release is started or tested with."""

from __future__ import annotations

from typing import List, Mapping, Optional

from ..host import OK, Host
from . import StepFailed


def exit_code(argv: List[str], timeout: float) -> int:
    """Run a program and return its exit code; raise :class:`StepFailed` when it did not run to its end."""
    answer = Host().run(argv, timeout=timeout)
    if answer.state != OK or answer.rc is None:
        raise StepFailed(f"{argv[0]}: {answer.detail or answer.state}")
    return answer.rc


def said(argv: List[str], timeout: float, env: Optional[Mapping[str, str]] = None, stdin: bytes = b"") -> str:
    """Run a program and return what it printed; raise :class:`StepFailed` unless its exit code is 0."""
    answer = Host().run(argv, timeout=timeout, env=env, stdin=stdin)
    if answer.state != OK or answer.rc != 0:
        why = answer.stderr.decode("utf-8", "replace").strip() if answer.state == OK else answer.detail or answer.state
        raise StepFailed(f"{' '.join(argv)}: {why[-300:]}")
    return answer.stdout.decode("utf-8", "replace")
