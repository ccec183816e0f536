# Copyright (c) 2026 the muster.fleet authors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The part of the NVML probe that runs in a child of its own: asks through ``pynvml``, says what it hears.

A stuck driver call sleeps in the kernel where no signal reaches it. So every GPU has a thread, each call is
announced before it is made and answered on a line of its own, and at the deadline the child ends without
waiting for anybody: the parent then knows which GPU hung in which call and has the answers of all others.
"""

from __future__ import annotations

import ctypes
import functools
import json
import os
import sys
import threading
import time
import types
from typing import Any, Callable, Dict, List, Mapping, Optional, Sequence, Tuple

from .nvml_calls import HANDLE, HEX, SYSTEM, TEXT, Call, ancestor, field_key, interview, pairs
from .nvml_codes import error

ARGUMENT_VERSION_MISMATCH = 25
# Type 0 is a double, which no field of ours is: there it means that nothing was filled in.
_VALUES = {1: "uiVal", 2: "ulVal", 3: "ullVal", 4: "sllVal", 5: "siVal", 6: "usVal"}


def _text(value: Any) -> str:
    return value.decode("utf-8", "replace") if isinstance(value, bytes) else str(value)


def _member(struct: Any, name: str, how: str) -> Any:
    """Turn one member of a C structure into JSON; ``None`` where this version of it has no such member."""
    where = getattr(type(struct), name, None)
    if where is None:
        return None
    if how == HEX:
        return ctypes.string_at(ctypes.addressof(struct) + where.offset, where.size).hex()
    value = getattr(struct, name)
    if how == TEXT:
        return _text(value)
    return ctypes.c_ubyte.from_buffer(struct, where.offset).value if where.size == 1 else int(value)


class Library:
    """NVML behind a binding: makes a :class:`Call`, gives its JSON form."""

    def __init__(self, binding: Any):
        self._nvml = binding

    def ask(self, call: Call, handles: Sequence[Any] = ()) -> Any:
        """Return the answer; a refusal is ``{"error", "code"}`` and nothing is ever raised."""
        try:
            return getattr(self, "_" + call.answer.replace(" ", "_"))(call, handles)
        except Exception as problem:  # a binding may raise anything, and must not take the other answers with it
            return self.refusal(problem)

    def refusal(self, problem: BaseException) -> Dict[str, Any]:
        """Write down why a call failed."""
        code = getattr(problem, "value", None)
        if isinstance(code, int):
            return error(code)
        if isinstance(problem, AttributeError):
            return {"error": "BINDING_LACKS", "detail": _text(problem)}
        return {"error": "EXCEPTION", "detail": f"{type(problem).__name__}: {problem}"[:300]}

    def _made(self, call: Call, handles: Sequence[Any]) -> Any:
        arguments = list(handles) + list(call.arguments if not handles[1:] else ())
        if call.version:
            arguments.append(getattr(self._nvml, call.version))
        return getattr(self._nvml, call.function)(*arguments)

    def _number(self, call: Call, handles: Sequence[Any]) -> Any:
        value = self._made(call, handles)
        return value if isinstance(value, float) else int(value)

    def _own_number(self, call: Call, handles: Sequence[Any]) -> Any:
        # nvidia-ml-py keeps one buffer for all callers in the default argument: threads would read each other's
        return int(getattr(self._nvml, call.function)(handles[0], ctypes.c_uint()))

    def _text(self, call: Call, handles: Sequence[Any]) -> Any:
        return _text(self._made(call, handles))

    def _instance(self, call: Call, handles: Sequence[Any]) -> Any:
        index, *arguments = call.arguments
        instance = self._nvml.nvmlDeviceGetMigDeviceHandleByIndex(handles[0], index)
        return getattr(self._nvml, call.function)(instance, *arguments)

    def _instance_number(self, call: Call, handles: Sequence[Any]) -> Any:
        return int(self._instance(call, handles))

    def _instance_text(self, call: Call, handles: Sequence[Any]) -> Any:
        return _text(self._instance(call, handles))

    def _list(self, call: Call, handles: Sequence[Any]) -> Any:
        return [int(value) for value in self._made(call, handles)]

    def _pages(self, call: Call, handles: Sequence[Any]) -> Any:
        return len(self._made(call, handles))

    def _processes(self, call: Call, handles: Sequence[Any]) -> Any:
        return [{"pid": found.pid, "memory": found.usedGpuMemory} for found in self._made(call, handles)]

    def _handle(self, call: Call, handles: Sequence[Any]) -> Any:
        self._made(call, handles)
        return "ok"

    def _struct(self, call: Call, handles: Sequence[Any]) -> Any:
        return self._members(self._made(call, handles), call)

    def _filled(self, call: Call, handles: Sequence[Any]) -> Any:
        function = getattr(self._nvml, call.function)
        code: Any = 0
        for name in call.structs:
            struct = getattr(self._nvml, name)()
            try:
                code = function(*handles, ctypes.byref(struct)) or 0
            except Exception as problem:
                code = getattr(problem, "value", None)
                if code != ARGUMENT_VERSION_MISMATCH:
                    raise
            if code == 0:
                return self._members(struct, call)
            if code != ARGUMENT_VERSION_MISMATCH:
                break
        return error(code)

    def _members(self, struct: Any, call: Call) -> Dict[str, Any]:
        found = {name: _member(struct, name, how) for name, how in call.members.items()}
        return {name: value for name, value in found.items() if value is not None}

    def _fields(self, call: Call, handles: Sequence[Any]) -> Any:
        """Ask all at once, and what came back empty once more alone.

        Driver 580 on an H200 says success and fills nothing in for the thermal margins (193 to 195) when one call
        also asks for the C2C links that the board lacks (170): a zero that no sensor has said.
        """
        ask = self._nvml.nvmlDeviceGetFieldValues
        values = ask(handles[0], list(call.arguments))
        return {
            field_key(field): _field(ask(handles[0], [field])[0] if _is_empty(value) else value)
            for field, value in zip(call.arguments, values)
        }

    def handle(self, index: int) -> Tuple[Any, Any]:
        """Return a GPU's handle and the answer that the transcript keeps of asking for it."""
        try:
            return self._nvml.nvmlDeviceGetHandleByIndex(index), "ok"
        except Exception as problem:
            return None, self.refusal(problem)


def _is_empty(value: Any) -> bool:
    return not value.nvmlReturn and value.valueType not in _VALUES


def _field(value: Any) -> Any:
    """Turn one field value into a number; each carries a return code and a type of its own."""
    if value.nvmlReturn:
        return error(value.nvmlReturn)
    if _is_empty(value):
        return {"error": "NOTHING_FILLED_IN", "detail": f"success, with a value of type {value.valueType}"}
    return getattr(value.value, _VALUES[value.valueType])


def binding(sent: Optional[str]) -> Tuple[Any, Dict[str, Any]]:
    """Return ``pynvml`` (the node's own, else the copy that was sent along) and what is to be said of it."""
    said: Dict[str, Any] = {"binding": "pynvml"}
    try:
        import pynvml

        return pynvml, said
    except ImportError as problem:
        said = {"error": "NO_PYNVML", "detail": str(problem)[:300]}
    except BaseException as problem:  # a half-installed binding may raise anything, SystemExit included
        said = {"error": "BROKEN_PYNVML", "detail": f"{type(problem).__name__}: {problem}"[:300]}
    if not sent:
        return None, said
    module = sys.modules["pynvml"] = types.ModuleType("pynvml")  # it looks itself up while it is loaded
    try:
        exec(compile(sent, "pynvml.py", "exec"), module.__dict__)  # noqa: S102 - the controller's own copy
    except BaseException as problem:
        del sys.modules["pynvml"]
        return None, {"error": "BROKEN_PYNVML", "detail": f"sent copy: {type(problem).__name__}: {problem}"[:300]}
    return module, {"binding": "pynvml sent along"}


class Teller:
    """Writes one JSON line per event, whole, from any thread."""

    def __init__(self, stream: int):
        self._stream = stream
        self._lock = threading.Lock()

    def tell(self, **event: Any) -> None:
        """Write one event."""
        line = json.dumps(event).encode() + b"\n"
        with self._lock:
            while line:
                line = line[os.write(self._stream, line) :]

    def asking(self, who: Any, call: str, ask: Callable[[], Any]) -> Any:
        """Announce a call, make it, tell the answer."""
        self.tell(who=who, call=call)
        answer = ask()
        self.tell(who=who, call=call, answer=answer)
        return answer


def _system(library: Library, teller: Teller) -> int:
    started = teller.asking("system", "nvmlInit", lambda: library.ask(Call("nvmlInit", answer="handle")))
    if started != "ok":
        return 0
    count: Any = 0
    for call in SYSTEM:
        count = teller.asking("system", call.key, functools.partial(library.ask, call))
    return count if isinstance(count, int) else 0


def _gpu(library: Library, teller: Teller, index: int, handles: Dict[int, Any]) -> None:
    kept: List[Any] = []

    def get() -> Any:
        handle, said = library.handle(index)
        kept.append(handle)
        return said

    if teller.asking(index, HANDLE.function, get) != "ok":
        return
    if interview(lambda call: teller.asking(index, call.key, lambda: library.ask(call, kept))):
        handles[index] = kept[0]


def _topology(library: Library, teller: Teller, handles: Mapping[int, Any]) -> None:
    """Ask how near the GPUs are, only among those that answered everything else."""
    for first, second in pairs(handles):
        call, both = ancestor(first, second), [handles[first], handles[second]]
        teller.asking("system", call.key, functools.partial(library.ask, call, both))


def _everything(library: Library, teller: Teller) -> None:
    handles: Dict[int, Any] = {}
    count = _system(library, teller)
    threads = [
        threading.Thread(target=_gpu, args=(library, teller, index, handles), daemon=True) for index in range(count)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    _topology(library, teller, handles)


def main(job: Mapping[str, Any]) -> None:
    """Answer a job of :func:`nvml_probe.ask`: ``{"seconds", "pynvml"}``; never returns."""
    ends = time.monotonic() + job["seconds"]
    teller = Teller(os.dup(1))
    os.dup2(os.open(os.devnull, os.O_WRONLY), 1)  # what a library prints must not look like an answer
    sys.stdout = sys.stderr
    module, said = binding(job.get("pynvml"))
    teller.tell(who="library", call="binding", answer=said)
    if module is not None:
        asking = threading.Thread(target=_everything, args=(Library(module), teller), daemon=True)
        asking.start()
        asking.join(max(0.0, ends - time.monotonic()))
    os._exit(0)
