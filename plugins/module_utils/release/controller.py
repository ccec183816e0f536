# Copyright (c) 2026 the muster.fleet authors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Whether the controller still waits for this run: a cancelled job must not go live half a minute later."""

from __future__ import annotations

import select

RESULT = 1  # standard output, where Ansible reads the result from
GONE = "the controller is gone: the run was cancelled there, or the connection was lost"


def is_gone(handle: int = RESULT) -> bool:
    """Whether nobody reads the result any more. A file, which is no pipe, socket or terminal, tells nothing."""
    poll = select.poll()
    try:
        poll.register(handle, 0)  # hanging up is told without being asked for
        return any(event & (select.POLLHUP | select.POLLERR) for unused, event in poll.poll(0))
    except (OSError, ValueError):
        return False
