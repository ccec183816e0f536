# Copyright (c) 2026 the muster.fleet authors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What an action says, made printable where it leaves it: Ansible writes a task's result to the terminal as it stands.

A machine's text may hold what moves the cursor, clears the screen or writes a verdict of its own in green.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

from ansible.errors import AnsibleConnectionFailure

from .report.text import UNSAFE

Run = Callable[..., dict[str, Any]]


def printable(value: Any) -> Any:
    """Return a copy without anything that a terminal obeys, in texts and in keys."""
    if isinstance(value, str):
        return UNSAFE.sub("", value) if UNSAFE.search(value) else value  # what is harmless stays the very object
    if isinstance(value, dict):
        return {printable(key): printable(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [printable(item) for item in value]
    return value


def says_printable(run: Run) -> Run:
    """Decorate ``run`` of an action plugin: its result, and why a machine was not reached, are printable."""

    @functools.wraps(run)
    def wrapped(*arguments: Any, **options: Any) -> dict[str, Any]:
        try:
            found: dict[str, Any] = printable(run(*arguments, **options))
        except AnsibleConnectionFailure as error:  # holds what a login printed
            raise type(error)(printable(error.message)) from None
        return found

    return wrapped
