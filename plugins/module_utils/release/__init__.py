# Copyright (c) 2026 the muster.fleet authors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Stop-and-replace of one service on one machine, with a way back from every step.

``machine`` goes through the ``phases``; what a phase does to a service is up to its kind in ``kinds``.
"""

from __future__ import annotations


class Refused(Exception):
    """It must not go on, and nothing was stopped. The text says why and follows "service NAME: ".

    ``way_out`` says what to do about it. Without one, ``refusals.py`` knows what helps in the phase that refused.
    """

    def __init__(self, why: str, way_out: str = ""):
        super().__init__(why)
        self.way_out = way_out


class StepFailed(Exception):
    """A step could not be done, or its result is not good. After the stop, this leads back."""
