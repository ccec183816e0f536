# Copyright (c) 2026 the muster.fleet authors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Asks many small commands side by side under one deadline: no port waits for its neighbour's module."""

from __future__ import annotations

import json
import threading
import time
from typing import Any, Callable, Dict, List, Optional, Sequence

from ..host import ABSENT, FAILED, OK, TIMEOUT, Asked, Command

WORKERS = 8
DEADLINE_S = 20.0
_EACH_S = 5.0
_NOT_SUPPORTED = ("not supported", "no such device", "no data available")


class Answers:
    """The answers to a batch of commands; what went wrong is noted on ``asked`` as it is looked up."""

    def __init__(self, asked: Asked, commands: Sequence[Sequence[str]], deadline_s: float = DEADLINE_S):
        self._asked = asked
        self._given: Dict[str, Command] = {}
        self._waiting: List[List[str]] = [list(argv) for argv in commands]
        self._until = time.monotonic() + deadline_s
        # threads, because all that happens here is waiting for children
        workers = [threading.Thread(target=self._work, daemon=True) for unused in commands[:WORKERS]]
        for worker in workers:
            worker.start()
        for worker in workers:
            worker.join(max(0.0, self._until - time.monotonic()) + 1.0)

    def _work(self) -> None:
        while self._waiting:
            try:
                argv = self._waiting.pop(0)
            except IndexError:
                return
            left = self._until - time.monotonic()
            self._given[" ".join(argv)] = self._answer(argv, left)

    def _answer(self, argv: List[str], left: float) -> Command:
        """Return what became of one command: an answer that nobody foresaw costs the others nothing."""
        if left <= 0:
            return Command(argv, TIMEOUT, detail="the time for all commands was used up")
        try:
            return self._asked.host.run(argv, timeout=min(_EACH_S, left))
        except Exception as error:
            return Command(argv, FAILED, detail=f"{type(error).__name__}: {error}")

    def text(self, *argv: str) -> Optional[str]:
        """Return what a command printed; ``None`` when it failed, or when the device does not know the question."""
        answer = self._of(argv)
        name = " ".join(argv)
        if answer.state == ABSENT:
            self._asked.fail(argv[0], "absent: the program is not installed")
        elif answer.state != OK:
            self._asked.fail(name, f"{answer.state}: {answer.detail}" if answer.detail else answer.state)
        elif answer.rc and not self.declined(*argv):
            self._asked.fail(name, f"exit code {answer.rc}: {_said(answer)}")
        elif not answer.rc:
            return answer.stdout.decode("utf-8", "replace")
        return None

    def parsed(self, argv: Sequence[str], parse: Callable[[Any], Any]) -> Any:
        """Return what ``parse`` makes of a command's JSON; ``None``, and why, when that is nothing."""
        text = self.text(*argv)
        if text is None:
            return None
        try:
            found = parse(json.loads(text))
        except (ValueError, RecursionError) as error:
            self._asked.fail(" ".join(argv), f"not JSON: {error}")
            return None
        if found is None:
            self._asked.fail(" ".join(argv), f"not understood: {text.strip()[:60]}")
        return found

    def declined(self, *argv: str) -> bool:
        """Say whether the device answered that it has nothing of the kind, which is no failure."""
        answer = self._of(argv)
        said = _said(answer).lower()
        return answer.state == OK and bool(answer.rc) and any(phrase in said for phrase in _NOT_SUPPORTED)

    def _of(self, argv: Sequence[str]) -> Command:
        late = Command(list(argv), TIMEOUT, detail="no answer in time")
        return self._given.get(" ".join(argv), late)


def _said(answer: Command) -> str:
    return (answer.stderr or answer.stdout).decode("utf-8", "replace").strip()[:200]
