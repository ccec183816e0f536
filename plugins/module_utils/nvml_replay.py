# Copyright (c) 2026 the muster.fleet authors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Answers NVML's questions from recorded text, with or without the simulated library.

The text is ``{KEY: VALUE}``. A key is ``gpu.N.CALL`` for one GPU (N counts the sockets, missing ones included),
``gpu.*.CALL`` for all, or a system ``CALL``; ``CALL(*)`` stands for any arguments, and ``gpu.N.*`` for whatever
that GPU is asked, which wins over everything else said of it. ``gpu.N.mig.CALL(I,...)`` is for MIG instance I of it,
and ``gpu.N.absent = 1`` takes a GPU away. A value is a number, text, numbers ``1,1``, members ``total=5 used=3``,
processes ``PID/BYTES PID/BYTES`` or ``none``, an error ``!15``, or ``hang 30000`` (milliseconds). What is not said
answers ``!3``, not supported.
"""

from __future__ import annotations

import os
import tempfile
from typing import Any, Callable, Dict, List, Mapping, Optional

from . import nvml_probe
from .host import ABSENT, Host, Nvml
from .nvml_calls import HANDLE, HEX, NUMBER, SYSTEM, Call, ancestor, field_key, instance_call, interview, pairs
from .nvml_codes import error

INSTANCE = instance_call("nvmlDeviceGetUUID").name  # the question that shows whether there is such an instance
INIT = Call("nvmlInit", answer="handle")
HANG_TIMEOUT_S = 6.0  # whoever was told to hang is not waited for as long as a real machine would be
SOCKETS = 256  # more than any machine has; a recording may say anything
_HEX_DIGITS = 32
_NOT_SUPPORTED, _NO_INSTANCE = "!3", "!6"


class Hung(Exception):
    """A recorded call that does not return in time."""


def replay(
    settings: Mapping[str, Optional[str]],
    timeout: float = 20,
    library: Optional[str] = None,
    binding: Optional[str] = None,
) -> Nvml:
    """Answer from a recording: through the real binding over the simulated ``library`` where there is one."""
    said = {key: value for key, value in settings.items() if value is not None}
    if not said:
        return Nvml(ABSENT, {}, "no NVML answers in the recording")
    if library and os.path.exists(library) and "pynvml" not in said:
        return ask_library(Host(), library, said, _patience(said, timeout), binding)
    return nvml_probe.judged(_Recorded(said, timeout).transcript())


def ask_library(
    host: Host,
    library: str,
    settings: Mapping[str, str],
    timeout: float = 20,
    binding: Optional[str] = None,
) -> Nvml:
    """Ask the simulated library (its path) through the real binding in the real probe."""
    text = "".join(f"{key} = {value}\n" for key, value in settings.items())
    with tempfile.NamedTemporaryFile("w", suffix=".nvml", encoding="utf-8") as stream:
        stream.write(text)
        stream.flush()
        surroundings = {"LD_LIBRARY_PATH": os.path.dirname(os.path.abspath(library)), "FAKE_NVML": stream.name}
        answer = nvml_probe.ask(host, timeout, binding, surroundings)
    if "binding" in answer.transcript.get("library", {}):
        answer.transcript["library"]["binding"] += " over simulated library"
    return answer


def _patience(settings: Mapping[str, str], timeout: float) -> float:
    return min(timeout, HANG_TIMEOUT_S) if any(value.startswith("hang ") for value in settings.values()) else timeout


class _Recorded:
    """A transcript made from the text alone."""

    def __init__(self, settings: Mapping[str, str], timeout: float):
        self._settings = settings
        self._timeout = timeout
        self._hung = False
        count = settings.get("nvmlDeviceGetCount", "0")
        sockets = range(min(int(count[:4]), SOCKETS) if count.isdecimal() else 0)
        self._sockets = [socket for socket in sockets if settings.get(f"gpu.{socket}.absent") != "1"]

    def transcript(self) -> Dict[str, Any]:
        """Return what the probe would have."""
        result: Dict[str, Any] = {"library": {"binding": "replayed answers"}, "system": {}, "gpus": []}
        if "pynvml" in self._settings:
            result["library"] = {"error": "NO_PYNVML", "detail": "No module named 'pynvml'"}
            return result
        try:
            for call in (INIT, *SYSTEM):
                result["system"][call.key] = {"error": "TIMEOUT"}
                result["system"][call.key] = answer = self._system(call)
                if call is INIT and answer != "ok":
                    return result
        except Hung:
            return result
        if isinstance(answer, int):
            result["gpus"] = [self._gpu(socket) for socket in self._sockets]
            whole = [index for index, answers in enumerate(result["gpus"]) if answers.pop("whole")]
            if not self._hung:  # a live probe would still be waiting
                self._topology(result["system"], whole)
        return result

    def _system(self, call: Call) -> Any:
        default = "ok" if call is INIT else _NOT_SUPPORTED
        value = self._find([""], call, default)
        if call.function == "nvmlDeviceGetCount" and not value.startswith(("!", "hang")):
            return len(self._sockets)
        return self._answer(value, call)

    def _topology(self, system: Dict[str, Any], whole: List[int]) -> None:
        for first, second in pairs(whole):
            call = ancestor(self._sockets[first], self._sockets[second])
            system[ancestor(first, second).key] = self._answer(self._find([""], call, _NOT_SUPPORTED), call)

    def _gpu(self, socket: int) -> Dict[str, Any]:
        answers: Dict[str, Any] = {"whole": False}

        def ask(call: Call) -> Any:
            answers[call.key] = {"error": "TIMEOUT"}
            answer = self._fields(socket, call) if call.answer == "fields" else self._one(socket, call)
            del answers[call.key]
            nvml_probe.note(answers, call.key, answer)
            return answer

        try:
            if ask(HANDLE) == "ok":
                answers["whole"] = interview(ask)
        except Hung:
            pass
        return answers

    def _one(self, socket: int, call: Call, default: str = _NOT_SUPPORTED) -> Any:
        whole = self._settings.get(f"gpu.{socket}.*")
        default = "ok" if call is HANDLE else _NO_INSTANCE if call.name == INSTANCE else default
        return self._answer(whole or self._find([f"gpu.{socket}.", "gpu.*."], call, default), call)

    def _fields(self, socket: int, call: Call) -> Any:
        refused = self._one(socket, call._replace(answer="handle", arguments=()), "ok")
        if refused != "ok":
            return refused
        keys = [field_key(field) for field in call.arguments]
        return {key: self._one(socket, Call(key)) for key in keys}

    def _find(self, prefixes: List[str], call: Call, default: str) -> str:
        any_arguments = call.key.split("(")[0] + "(*)"
        for prefix in prefixes:
            for name in (call.key, any_arguments):
                if prefix + name in self._settings:
                    return self._settings[prefix + name]
        return default

    def _answer(self, value: str, call: Call) -> Any:
        if value.startswith("hang "):
            if float(value[5:]) / 1000 >= self._timeout:
                self._hung = True
                raise Hung(call.key)
            return error(10)
        if value.startswith("!"):
            return error(int(value[1:]))
        return _members(value, call) if call.members else _READERS[call.answer](value)


def _number(value: str) -> Any:
    return float(value) if "." in value else int(value, 0)


def _members(value: str, call: Call) -> Dict[str, Any]:
    said = dict(part.split("=", 1) for part in value.split())
    blank = {NUMBER: "0", HEX: "0" * _HEX_DIGITS}
    found = {name: said.get(name, blank.get(how, "")) for name, how in call.members.items()}
    return {name: _number(text) if call.members[name] == NUMBER else text for name, text in found.items()}


def _processes(value: str) -> List[Dict[str, int]]:
    found = [part.split("/") for part in value.split() if part != "none"]
    return [{"pid": int(pid), "memory": int(memory)} for pid, memory in found]


_READERS: Dict[str, Callable[[str], Any]] = {
    "number": _number,
    "own number": _number,
    "instance number": _number,
    "instance text": str,
    "pages": _number,
    "text": str,
    "handle": lambda value: "ok" if value else value,
    "list": lambda value: [int(part, 0) for part in value.split(",")],
    "processes": _processes,
}
