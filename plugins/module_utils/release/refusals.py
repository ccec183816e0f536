# Copyright (c) 2026 the muster.fleet authors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What to do about a refusal: every one names a way out, its own or the one of the phase that refused."""

from __future__ import annotations

import errno

from . import disk, phases

BROKEN = "Nothing runs: deploy a release, or go back to an earlier one (rollback_to); both go on from here"
WORSE = "Deploy another release, or go back to an earlier one (rollback_to)"
SILENT = "Start the container engine, or name its socket (deploy_socket), and run again"
ROOM = "Make room there and run again; a rollback needs none, it may use what is kept in reserve"
WAYS = {
    "lease": "See that the state directory can be written (deploy_state_dir), as root, and run again",
    "recover": "Mend that and run again: the journal is kept. A deploy or a rollback goes past it where it must",
    "render": "Say in deploy_services, deploy_tag or rollback_to what it must be, and run again",
    "resolve": "Name a tag that is there, or push it, and see that the registry answers and knows the login",
    "guard": "Wait until that has ended, or say accelerators: wait:SECONDS; nothing of it is stopped from here",
    "space": "Mend what is named, or change what the service asks for in deploy_services; a rollback is not held to it",
    "way_back": "Bring that back onto the machine; where the service may be without a way back, stop it first",
    "pull": "See that it is there and that the registry answers, and run again; or go further back (rollback_to)",
    "prepare": "Mend what the message names and run again: nothing was stopped",
    phases.BACK: BROKEN,
}
OF_SYSTEM = {
    errno.EROFS: "Mount it so that it can be written, and run again",
    errno.EACCES: "Run it as root (become: true)",
    errno.EPERM: "Run it as root (become: true)",
}


def way_out(error: Exception, phase: str) -> str:
    """Return what to do about an error that a run ended with in this phase, before anything was stopped."""
    own = getattr(error, "way_out", "")
    if own:
        return str(own)
    if getattr(error, "status", None) == 0:  # an engine that does not answer at all
        return SILENT
    if isinstance(error, OSError):
        if error.errno in disk.FULL:
            return ROOM
        return OF_SYSTEM.get(error.errno or 0, WAYS.get(phase, WAYS["lease"]))
    return WAYS.get(phase, BROKEN)


def told(error: Exception, phase: str) -> str:
    """Return the text of an error with the way out, once."""
    text, way = str(error).rstrip("."), way_out(error, phase)
    return text if way in text else f"{text}. {way}"
