# Copyright (c) 2026 the muster.fleet authors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Asks NVML in a child process and puts what it said into a transcript.

A transcript is ``{"library": answer, "system": {call: answer}, "gpus": [{call: answer}, ...]}`` in the keys of
``nvml_calls``. A refused call reads ``{"error": "NVML_ERROR_GPU_IS_LOST", "code": 15}``, one that did not return in
time ``{"error": "TIMEOUT"}``, one in which the child died ``{"error": "CRASHED", "detail"}``.
"""

from __future__ import annotations

import json
import sys
from types import ModuleType
from typing import Any, Dict, Iterator, Mapping, Optional, Tuple

from . import nvml_calls, nvml_child, nvml_codes
from .host import ABSENT, DENIED, FAILED, OK, TIMEOUT, Command, Host, Nvml
from .nvml_codes import code_of

MARGIN_S = 1.0  # the child ends itself this long before it would be killed
_BOOT = """\
import json, sys, types
job = json.loads(sys.stdin.buffer.read())
for name, source in job["modules"]:
    module = sys.modules[name] = types.ModuleType(name)
    module.__package__ = "probe"
    module.__path__ = []
    exec(compile(source, name, "exec"), module.__dict__)
sys.modules["probe.nvml_child"].main(job)
"""
_STATES = {4: DENIED, 12: ABSENT}  # return codes of nvmlInit


def _source(module: ModuleType) -> str:
    """Return a module's text from wherever it was loaded: a file, a zip, or memory."""
    loader: Any = module.__spec__.loader if module.__spec__ else module.__loader__
    text = loader.get_source(module.__name__)
    if text is None:
        raise ImportError(f"no source of {module.__name__}")
    return text


def ask(host: Host, timeout: float = 20, pynvml: Optional[str] = None, env: Optional[Mapping[str, str]] = None) -> Nvml:
    """Ask NVML of this machine, for at most ``timeout`` seconds.

    ``pynvml`` is the text of a binding to use where the node's Python has none; ``env`` is added to the child's
    environment.
    """
    job = {
        "modules": [
            ("probe", ""),
            ("probe.nvml_codes", _source(nvml_codes)),
            ("probe.nvml_calls", _source(nvml_calls)),
            ("probe.nvml_child", _source(nvml_child)),
        ],
        "seconds": max(timeout - MARGIN_S, timeout / 2),
        "pynvml": pynvml,
    }
    child = host.run([sys.executable, "-I", "-c", _BOOT], timeout=timeout, stdin=json.dumps(job).encode(), env=env)
    transcript = assembled(child)
    if not transcript["library"]:
        said = child.stderr.decode("utf-8", "replace").strip()[-300:]
        return Nvml(FAILED if child.state == OK else child.state, transcript, child.detail or said)
    return judged(transcript)


def judged(transcript: Dict[str, Any]) -> Nvml:
    """Say how the asking ended, from whether NVML could be started at all."""
    start = transcript["system"].get("nvmlInit", transcript["library"])
    if not isinstance(start, dict) or "error" not in start:
        return Nvml(OK, transcript)
    reason = start["error"] + (": " + start["detail"] if start.get("detail") else "")
    if start["error"] == "TIMEOUT":
        return Nvml(TIMEOUT, transcript, "nvmlInit did not return")
    if start["error"] in ("NO_PYNVML", "BROKEN_PYNVML"):
        return Nvml(ABSENT if start["error"] == "NO_PYNVML" else FAILED, transcript, reason)
    return Nvml(_STATES.get(code_of(start) or 0, FAILED), transcript, reason)


def assembled(child: Command) -> Dict[str, Any]:
    """Put a child's lines together; what was asked and never answered says why."""
    transcript: Dict[str, Any] = {"library": {}, "system": {}, "gpus": []}
    gpus: Dict[int, Dict[str, Any]] = {}
    crashed = child.state == OK and child.rc not in (0, None)
    silence = {"error": "CRASHED", "detail": f"exit code {child.rc}"} if crashed else {"error": "TIMEOUT"}
    for who, call, answer in _events(child.stdout, silence):
        if who == "library":
            transcript["library"] = answer
        elif who == "system":
            transcript["system"][call] = answer
        else:
            note(gpus.setdefault(who, {}), call, answer)
    count = transcript["system"].get("nvmlDeviceGetCount")
    transcript["gpus"] = [gpus.get(index, {}) for index in range(count if isinstance(count, int) else 0)]
    return transcript


def note(answers: Dict[str, Any], call: str, answer: Any) -> None:
    """Add an answer to a GPU's; the values of a field call stand under their own keys."""
    if call == "nvmlDeviceGetFieldValues" and isinstance(answer, dict) and "error" not in answer:
        answers.update(answer)
    else:
        answers[call] = answer


def _events(output: bytes, silence: Any) -> Iterator[Tuple[Any, str, Any]]:
    """Yield (who, call, answer) once for each call; lines that are not ours are passed over."""
    answers: Dict[Tuple[Any, str], Any] = {}
    for line in output.splitlines():
        try:
            event = json.loads(line)
            who, call = event["who"], event["call"]
        except (ValueError, TypeError, KeyError):
            continue
        answers[(who, call)] = event.get("answer", silence)
    for (who, call), answer in answers.items():
        yield who, call, answer
