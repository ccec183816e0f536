# Copyright (c) 2026 the muster.fleet authors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Asking a node: the parcel of collectors goes out and the answer comes back in one exec of Ansible's connection.

Which Python a node has is remembered from one run to the next: of this controller's kind, and it gets bytecode. When
that turns out wrong (its Python was upgraded), it is asked a second time, with source.
"""

from __future__ import annotations

import signal
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from ansible import constants as C

from ..module_utils.collect.node import DOMAINS
from ..module_utils.replay import claims
from . import bundle, envelope
from .clients import children_ended
from .kept import recall, remember

MARGIN_S = 15.0  # for the connection, on top of what the node itself is given


def ask(action: Any, task_vars: Mapping[str, Any], request: Mapping[str, Any], vendor: Any) -> dict[str, Any]:
    """Return the node's answer (see ``module_utils/remote``); ``vendor`` is whose accelerators it should have.

    Whether it is simulated and what was planted in it stands in the recordings that it was sent, not in its words.

    Raises ``bundle.NoAnswer`` when the machine was reached but gave no answer that can be used, and lets Ansible's own
    ``AnsibleConnectionFailure`` through when it was not reached.
    """
    name = f"python-{task_vars['inventory_hostname']}"
    known = recall(name)
    try:
        answer = _exchange(action, task_vars, request, vendor, known if known == bundle.BYTECODE else "")
    except bundle.OtherPython:
        answer = _exchange(action, task_vars, request, vendor, "")
    claim = envelope.unasked(answer, request.get("domains") or DOMAINS, bool(request.get("replay")))
    if claim:
        raise bundle.NoAnswer(f"the answer cannot be used: {claim}")
    if answer["bytecode"] != known:
        remember(name, answer["bytecode"])
    simulated, planted = claims(request.get("replay") or [])
    return {**answer, "simulated": simulated, "planted": planted}


def _exchange(
    action: Any, task_vars: Mapping[str, Any], request: Mapping[str, Any], vendor: Any, bytecode: str
) -> dict[str, Any]:
    given = action._templar.template(task_vars.get("ansible_python_interpreter"))
    interpreter = str(given or C.config.get_config_value("INTERPRETER_PYTHON") or "auto")
    command = bundle.command(None if interpreter.startswith("auto") else interpreter)
    parcel = bundle.parcel(request, vendor in ("nvidia", "any"), bytecode)
    with children_ended(), alarm(float(request["deadline_s"]) + MARGIN_S):
        done = action._low_level_execute_command(command, in_data=parcel, sudoable=True)
    limits = envelope.RECORDING if request.get("record") else envelope.FACTS
    return bundle.unpack(done.get("stdout", ""), done.get("stderr", ""), done.get("rc", 0), limits)


@contextmanager
def alarm(seconds: float) -> Iterator[None]:
    """Bound the whole exchange: a node whose shell hangs must not hold its worker for ever."""

    def ring(unused_signal: int, unused_frame: Any) -> None:
        raise bundle.NoAnswer(f"timeout: the machine took the question and had not answered after {seconds:g} s")

    before = signal.signal(signal.SIGALRM, ring)
    signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
