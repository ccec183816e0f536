# Copyright (c) 2026 the muster.fleet authors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Asks several things at the same time: commands mostly wait, and a collector should not wait for each in turn."""

from __future__ import annotations

import threading
from typing import Any, Callable, Dict, Mapping

from ..host import Asked


def side_by_side(asked: Asked, questions: Mapping[str, Callable[[], Any]]) -> Dict[str, Any]:
    """Return name -> answer, each asked in a thread of its own.

    A question that raises has met something that no parser foresaw: it is an error of that question alone, and
    its answer is ``None``. Every question is bounded by the timeouts of what it asks.
    """
    answers: Dict[str, Any] = dict.fromkeys(questions)

    def ask(name: str, question: Callable[[], Any]) -> None:
        try:
            answers[name] = question()
        except Exception as error:
            asked.fail(name, f"failed: {type(error).__name__}: {error}")

    threads = [threading.Thread(target=ask, args=pair, daemon=True) for pair in questions.items()]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return answers
