# Copyright (c) 2026 the muster.fleet authors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What all modules here have in common."""

from __future__ import annotations


class ModuleDocFragment:
    """Documentation shared by modules and action plugins."""

    DOCUMENTATION = r"""
options: {}
attributes:
  check_mode:
    description: Can run in C(check_mode) and say what would be done without doing it.
  diff_mode:
    description: Returns what has changed, or would change, in diff mode.
"""

    READ_ONLY = r"""
options: {}
attributes:
  check_mode:
    support: full
    details: Changes nothing on the host, in check mode or not.
  diff_mode:
    support: N/A
    details: Changes nothing.
"""

    FACTS = r"""
options:
  replay:
    description:
      - Recordings on the host, laid over each other, that answer in its place (see P(muster.fleet.record#role)).
      - The fact C(muster_simulated) is then what the recording says of itself.
    type: list
    elements: path
    default: []
  deadline:
    description:
      - Seconds that all collectors together have. What is not done by then is an entry in C(errors); the other facts
        arrive all the same.
    type: float
    default: 45
notes:
  - Works without root and says in C(errors) what it could not see.
  - A value that could not be had is V(null), never 0 or an empty text.
"""
