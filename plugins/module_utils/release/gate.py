# Copyright (c) 2026 the muster.fleet authors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Whether a release is good: it runs and has not restarted, is healthy, answers, and its work goes on.

A container between two crashes says that it is running. So nothing here stands on that word alone: the count of
restarts and the time of the last start must stay what they were, for as long as the gate asks.
"""

from __future__ import annotations

import http.client
import re
import socket
import time
import urllib.error
import urllib.request
from typing import Any, Callable, Dict, List, Mapping, NamedTuple, Optional, Tuple
from urllib.parse import urlsplit

from . import StepFailed, clock, listeners
from .kinds.base import RUNNING, SETTLED_S, Kind, Probe

EVERY_S = 0.2
ANSWER_S = 5.0
STUMBLES = 3  # answers that may fail in a row during the watch window
TEXT_BYTES = 1 << 20


class Look(NamedTuple):
    """One look at one thing: whether it was good, whether it can still become so, and what was seen."""

    good: bool
    final: bool
    observed: Any
    expected: Any


class Bad(StepFailed):
    """The release did not pass."""


class Watched:
    """The gate of one release that was just started."""

    def __init__(
        self,
        kind: Kind,
        gate: Mapping[str, Any],
        tick: Callable[[], None],
        item: str,
        stood: Optional[float] = None,
        owner: Optional[listeners.Listeners] = None,
        ran_before: bool = False,
    ):
        """``stood``: the number that must advance, as the release before left it. ``owner``: says who listens where.

        ``ran_before``: the release was not started just now, so only its late restarts count.
        """
        self._kind, self._gate, self._tick, self._item, self._stood = kind, gate, tick, item, stood
        self._owner, self._ran_before = owner, ran_before
        self._restarted: Optional[int] = None  # restarts of old that are forgiven
        self._starts: List[str] = []
        self._from: Optional[float] = None  # the number that must advance, when it was first seen
        self.rows: Dict[str, Dict[str, Any]] = {}

    # --- the two uses -----------------------------------------------------------------------------

    def open(self) -> None:
        """Return once everything has held for ``running_s``; raise :class:`Bad` for what does not hold in time."""
        advancing = self._gate.get("advancing") or {}
        give_up = time.monotonic() + max(self._gate["timeout_s"], advancing.get("within_s", 0.0))
        since: Optional[float] = None
        while True:
            lacking = self._lacking(self._looks(whole=True))
            if lacking:
                since = None
                if time.monotonic() >= give_up:
                    raise Bad(lacking)
            else:
                since = since or time.monotonic()
                if time.monotonic() - since >= self._gate["running_s"]:
                    return
            self._tick()
            time.sleep(EVERY_S)

    def watch(self, seconds: float) -> None:
        """Return when nothing went wrong for so long; raise :class:`Bad`."""
        end = time.monotonic() + seconds
        stumbles = 0
        while True:
            lacking = self._lacking(self._looks(whole=False))
            stumbles = stumbles + 1 if lacking else 0
            if lacking and (stumbles >= STUMBLES or time.monotonic() >= end):
                raise Bad(lacking)
            if time.monotonic() >= end:
                return
            self._tick()
            time.sleep(min(max(EVERY_S, seconds / 60), 2.0))

    # --- looking ----------------------------------------------------------------------------------

    def _looks(self, whole: bool) -> List[Tuple[str, str, Look]]:
        probe = self._kind.probe()
        source = probe.source
        looks = [("running", source, self._running(probe)), ("restarts", source, self._restarts(probe))]
        if self._gate["health"] and probe.health != "none":
            looks.append(("health", source, _healthy(probe)))
        if not all(look.good for name, unused, look in looks):
            return looks  # who does not run need not be asked
        resumed = self._gate.get("advancing") if self._stood is not None else None
        gate = {**self._gate, "resumed": resumed}
        for name in ("http", "tcp", "command", "resumed", "advancing") if whole else ("http", "tcp"):
            wanted = gate.get(name)
            if wanted:
                looks.append((name, _place(name, wanted), getattr(self, f"_{name}")(wanted)))
        places = listeners.asked(self._gate) if self._owner else []
        if places and all(look.good for name, unused, look in looks):
            looks += self._listener(places)
        return looks

    def _lacking(self, looks: List[Tuple[str, str, Look]]) -> str:
        """Keep what was seen as rows; return what is not good yet, raise :class:`Bad` for what will not become so."""
        for name, source, look in looks:
            self.rows[name] = self._row(name, source, look)
        for name, source, look in looks:
            if not look.good:
                text = f"{name}: {look.observed}, expected {look.expected} ({source})"
                if look.final:
                    raise Bad(text)
                return text
        return ""

    def _row(self, name: str, source: str, look: Look) -> Dict[str, Any]:
        return {
            "id": f"release.post.{name}",
            "item": self._item,
            "status": "pass" if look.good else "fail",
            "observed": look.observed,
            "expected": look.expected,
            "message": "" if look.good else f"{look.observed}, expected {look.expected}",
            "source": source,
            "at": clock.now(),
        }

    def _running(self, probe: Probe) -> Look:
        ended = probe.status in ("exited", "dead", "failed", "absent")
        seen = (
            f"{probe.status} (exit code {probe.exit_code})" if ended and probe.exit_code is not None else probe.status
        )
        good = probe.status == RUNNING
        return Look(good, ended, seen if good else _with(seen, probe.detail), RUNNING)

    def _restarts(self, probe: Probe) -> Look:
        if probe.status == RUNNING and probe.started not in self._starts:
            self._starts.append(probe.started)
        if self._restarted is None:
            settled = self._ran_before and probe.up_s is not None and probe.up_s >= SETTLED_S
            self._restarted = probe.restarts if settled else 0
        # an engine that restarts counts none and starts anew
        count = max(probe.restarts - self._restarted, len(self._starts) - 1)
        good = count <= self._gate["restarts"]
        seen = f"{count} restarts" + (f", and {self._restarted} long ago" if self._restarted else "")
        seen = seen if good else _with(seen, probe.detail)
        return Look(good, True, seen, f"at most {self._gate['restarts']}")

    def _listener(self, places: List[listeners.Place]) -> List[Tuple[str, str, Look]]:
        """Whoever answered must be the service: an address of another machine is not looked at."""
        assert self._owner is not None
        found = {place.shown: self._owner.look(place) for place in places}
        judged = {shown: seen for shown, seen in found.items() if seen.whose != listeners.ELSEWHERE}
        wrong = [_owned_by(shown, seen) for shown, seen in judged.items() if seen.whose != listeners.OWN]
        seen = "; ".join(wrong) or "the service"
        source = f"/proc/net/tcp: {', '.join(judged)}"
        return [("listener", source, Look(not wrong, False, seen, "the service itself"))] if judged else []

    def _http(self, wanted: Mapping[str, Any]) -> Look:
        expected = f"HTTP {wanted['status']}" + (f" with '{wanted['contains']}'" if wanted.get("contains") else "")
        try:
            status, text = _answer(wanted["url"])
        except (OSError, ValueError, http.client.HTTPException) as error:
            return Look(False, False, f"no answer: {error}", expected)
        if status != wanted["status"]:
            return Look(False, False, f"HTTP {status}", expected)
        if wanted.get("contains") and wanted["contains"] not in text:
            return Look(False, False, f"HTTP {status} without that text", expected)
        return Look(True, False, expected, expected)

    def _tcp(self, wanted: Mapping[str, Any]) -> Look:
        try:
            socket.create_connection((wanted["host"], wanted["port"]), ANSWER_S).close()
        except OSError as error:
            return Look(False, False, f"no connection: {error}", "a connection")
        return Look(True, False, "a connection", "a connection")

    def _command(self, argv: List[str]) -> Look:
        try:
            code = self._kind.execute(argv, ANSWER_S * 2)
        except StepFailed as error:
            return Look(False, False, str(error), "exit code 0")
        return Look(code == 0, False, f"exit code {code}", "exit code 0")

    def _resumed(self, wanted: Mapping[str, Any]) -> Look:
        """A number that fell back is no matter of waiting: it would pass as soon as it has caught up."""
        stood = self._stood or 0.0
        expected = f"at least {stood:g}, as before the stop"
        try:
            now = number(wanted)
        except (OSError, ValueError) as error:
            return Look(False, False, f"no number: {error}", expected)
        return Look(now >= stood, now < stood, f"{now:g}", expected)

    def _advancing(self, wanted: Mapping[str, Any]) -> Look:
        try:
            now = number(wanted)
        except (OSError, ValueError) as error:
            return Look(False, False, f"no number: {error}", "a number that grows")
        if self._from is None or now < self._from:
            self._from = now
        seen = f"{self._from:g}, then {now:g}"
        return Look(now > self._from, False, seen, f"a number that grows within {wanted['within_s']:g} s")


def standing(gate: Mapping[str, Any]) -> Optional[float]:
    """Return the number that a release must go on from, ``None`` when there is none or it may begin anew."""
    wanted = gate.get("advancing")
    if not wanted or not wanted.get("resumes"):
        return None
    try:
        return number(wanted)
    except (OSError, ValueError):
        return None


def number(wanted: Mapping[str, Any]) -> float:
    """Return the number in a file; raise ``OSError`` or ``ValueError`` when there is none."""
    with open(wanted["file"], encoding="utf-8", errors="replace") as handle:
        text = handle.read(TEXT_BYTES)
    figure = r"(-?\d+(?:\.\d+)?)"
    if wanted.get("pattern"):
        found = re.search(wanted["pattern"], text, re.M)
    elif wanted.get("key"):
        found = re.search(rf"^\s*[\"']?{re.escape(wanted['key'])}[\"']?\s*[:=]\s*[\"']?{figure}", text, re.M)
    else:
        found = re.fullmatch(rf"\s*{figure}\s*", text)
    if not found:
        raise ValueError(f"{wanted['file']} holds no such number")
    return float(found.group(1))


def _healthy(probe: Probe) -> Look:
    good = probe.health == "healthy"
    seen = probe.health if good else _with(probe.health, probe.detail)
    return Look(good, probe.health == "unhealthy", seen, "healthy")


def _with(seen: str, detail: str) -> str:
    return f"{seen}: {detail}" if detail else seen


def _owned_by(shown: str, found: listeners.Found) -> str:
    texts = {listeners.FREE: "nobody on this machine", listeners.UNKNOWN: f"not known who: {found.who}"}
    return f"{shown} is answered by {texts.get(found.whose, found.who)}"


def _place(name: str, wanted: Any) -> str:
    places = {
        "http": lambda: wanted["url"],
        "tcp": lambda: f"{wanted['host']}:{wanted['port']}",
        "resumed": lambda: wanted["file"],
        "advancing": lambda: wanted["file"],
    }
    return str(places[name]()) if name in places else "the command in the service"


class _NoOther(urllib.request.HTTPRedirectHandler):
    """Follows a redirection only to where the service itself was asked."""

    def redirect_request(self, req: Any, fp: Any, code: int, msg: str, headers: Any, newurl: str) -> Any:
        if urlsplit(newurl).netloc != urlsplit(req.full_url).netloc:
            return None
        return super().redirect_request(req, fp, code, msg, headers, newurl)


def _answer(url: str) -> Tuple[int, str]:
    # no proxy: what is asked is this service on this machine
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}), _NoOther)
    try:
        with opener.open(url, timeout=ANSWER_S) as answer:
            return answer.status, answer.read(TEXT_BYTES).decode("utf-8", "replace")
    except urllib.error.HTTPError as error:
        return error.code, error.read(TEXT_BYTES).decode("utf-8", "replace")
