# Copyright (c) 2026 the muster.fleet authors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Which release is to run, what runs now, and whether these are the same."""

from __future__ import annotations

import re
from typing import Any, Dict, List, Mapping, Optional

from . import Refused, StepFailed, clock, disk, files, refusals
from .kinds.base import NOT_STARTED, Running, Spec
from .report import shown
from .service import AROUND, TAG, BadService, Service, missing_env, parse
from .work import Work, is_silent, known, spec_of, texts
from .work import running as running_now

MODE, OWNER = "0640", "root"


def render(work: Work) -> None:
    """Put the release together that is to run: ``work.target``."""
    _rendered(work)
    work.target["engine"] = work.engine.identity() if work.engine else None


def _rendered(work: Work) -> None:
    state = work.params["state"]
    if state == "present":
        work.target = _present(work)
    elif state == "rolled_back":
        work.target = _earlier(work)
    else:
        work.target = _again(work)


def _present(work: Work) -> Spec:
    service = parsed(work.params)
    env = {str(key): str(value) for key, value in {**service.env, **(texts(work.params["env"], "env") or {})}.items()}
    lacking = missing_env(service, env)
    if lacking:
        raise Refused(f"required variables are missing or empty: {', '.join(lacking)}")
    spec = _new(work)
    data = dict(service.data(), env={})
    spec.update(
        image=service.image or "",
        tag=_tag(work.params["tag"]),
        service=data,
        run={key: value for key, value in data.items() if key not in AROUND},
        env=env,
        files=_files(texts(work.params["files"], "files") or []),
    )
    spec["files"] += work.kind.configuration(spec)
    return dict(spec, config_hash=work.store.config_hash(spec))


def parsed(params: Mapping[str, Any]) -> Service:
    """Return the service; raise :class:`Refused` with everything that is wrong with it."""
    try:
        return parse(params["name"], texts(params["service"], "service"))
    except BadService as error:
        raise Refused("; ".join(error.problems), "Mend it in deploy_services and run again") from error


def _tag(tag: Any) -> str:
    if not re.fullmatch(TAG, str(tag)):
        raise Refused(f"'{tag}' is no tag: letters, digits, '_', '.' and '-' make one, at most 128 of them")
    return str(tag)


def _new(work: Work) -> Spec:
    more = 1 if work.adopted else 0
    empty: Dict[str, Any] = {"digest": "", "image_id": "", "before": [], "env": {}, "files": []}
    return dict(empty, id=clock.release_id(), seq=work.store.next_seq() + more, name=work.params["name"])


def _files(given: List[Mapping[str, Any]]) -> List[Dict[str, Any]]:
    told = []
    for file in given:
        if (
            not isinstance(file, dict)
            or not isinstance(file.get("content"), str)
            or not str(file.get("dest", "")).startswith("/")
        ):
            raise Refused("files: each needs a dest (an absolute path) and a content (a text)")
        if not isinstance(file.get("mode") or "", str):
            raise Refused(f"files: {file['dest']}: the mode is a number", 'Write it in quotes, such as "0640"')
        told.append(
            {
                "dest": file["dest"],
                "content": file["content"],
                "mode": file.get("mode") or MODE,
                "owner": file.get("owner") or OWNER,
                "group": file.get("group") or OWNER,
            }
        )
        wrong = files.unusable(told[-1])
        if wrong:
            raise Refused(f"files: {file['dest']}: {wrong}")
    return told


def _earlier(work: Work) -> Spec:
    to = work.params["to"]
    entry = work.store.target(to)
    if entry is None:
        there = [f"{one['tag']} (rollback_to={number})" for number, one in enumerate(work.store.targets(), 1)]
        way_out = f"There is {', '.join(there)}" if there else "Deploy a release (deploy_tag)"
        raise Refused(f"cannot go {to} back: the number of earlier verified releases is {len(there)}", way_out)
    try:
        return dict(spec_of(work.store, entry["id"]) or {})
    except Refused as error:
        raise Refused(
            str(error), f"Go further back (rollback_to={to + 1}), or deploy a release (deploy_tag)"
        ) from error


def _again(work: Work) -> Spec:
    if work.current is None or work.current.get("container_id"):
        raise Refused(
            "nothing that was deployed from here runs: there is nothing to restart", "Deploy a release (deploy_tag)"
        )
    fresh = _new(work)
    return dict(work.current, id=fresh["id"], seq=fresh["seq"], before=[], pulled=False)


# --- what runs now ----------------------------------------------------------------------------------


def current(work: Work) -> Optional[Running]:
    """Find out what runs now and what to go back to: ``work.current``. What was not started from here is adopted."""
    running = running_now(work.kind, work.store)
    work.ran = running is not None and running.well
    try:
        work.current = _before(work, running)
    except (Refused, StepFailed, OSError) as error:
        if not work.emergency or is_silent(error):
            raise
        work.report.warn(f"if this fails, there is no going on with what runs now: {error}")
        work.current = work.adopted = None
    return running


def _before(work: Work, running: Optional[Running]) -> Optional[Spec]:
    if running is None or running.release == work.store.current:
        known = _known(work, running)
        if known or running is None:
            return known
    if running.release and work.store.entry(running.release) and running.release in work.store.spec_names():
        return spec_of(work.store, running.release)
    return _adopted(work, running)


def _known(work: Work, running: Optional[Running]) -> Optional[Spec]:
    name = work.store.current
    if name is None or (name not in work.store.spec_names() and running is not None):
        return None  # what runs is all that is left of it
    try:
        return work.store.spec(name)
    except disk.Damaged as error:
        if running is None:
            work.report.warn(str(error))
            return None
        raise Refused(str(error), "Remove that file to go on from what runs") from error


def _adopted(work: Work, running: Running) -> Spec:
    params = work.params
    described = parsed(params).data() if params["service"] else _described(work)
    if described is None:
        raise Refused("what runs was not started from here", "Deploy a release first (deploy_tag)")
    spec = _new(work)
    data = dict(described, env={})
    gate = dict(data["gate"], http=None, tcp=None, command=None, advancing=None)
    spec.update(image=data.get("image") or "", tag="", run={}, service=dict(data, gate=gate))
    spec = dict(work.kind.adopt(spec), engine=work.engine.identity() if work.engine else None)
    spec["config_hash"] = work.store.config_hash(spec)
    work.adopted = work.entry(spec, running.well, "adopted", "" if running.well else running.why)
    work.report.warn(
        f"{spec['image']}:{spec['tag']} runs and was not started from here: it is kept as the release before"
    )
    return spec


def _described(work: Work) -> Optional[Dict[str, Any]]:
    """Return the service as it was deployed last, where nobody says what it is."""
    found = known(work.store, [work.store.current, *work.store.spec_names()])
    return dict(found[0]["service"]) if found else None


# --- the same? --------------------------------------------------------------------------------------


def resolve(work: Work, running: Optional[Running]) -> bool:
    """Ask what the tag stands for and return whether there is anything to do."""
    if work.params["state"] == "present":
        _ask(work)
    work.report.diff = {"before": shown(work.store, work.current), "after": shown(work.store, work.target)}
    covered = [file["dest"] for file in (work.current or {}).get("files", [])]
    if work.params["state"] == "present":
        work.target["before"] = files.snapshot(
            [file["dest"] for file in work.target["files"] if file["dest"] not in covered]
        )
    if work.params["state"] != "present" or work.current is None:
        return True
    same = all(work.target[key] == work.current[key] for key in ("image", "digest", "config_hash"))
    return not same or _moved(work, running)


def _moved(work: Work, running: Optional[Running]) -> bool:
    """Whether the release that is asked for does not run, or is no longer what it was made from.

    What runs and is not good is left as it is for a person to see: the gate says so.
    """
    tag = work.target["tag"]
    if running is None or work.current is None or not running.release == work.current["id"] == work.store.current:
        return True
    if not running.well and work.kind.probe().status in NOT_STARTED:
        work.report.warn(f"{tag} was deployed and does not run ({running.why}): it is replaced by itself")
        return True
    drifted = [file["dest"] for file in work.target["files"] if not files.is_current(file)]
    if drifted:
        work.report.warn(f"changed by somebody else and written again: {', '.join(drifted)}")
    stop = work.kind.made_with_stop and work.target["service"]["stop"] != work.current["service"]["stop"]
    if stop:
        work.report.warn(f"{tag} runs with other stop settings: it is replaced by itself")
    return bool(drifted) or stop


def _ask(work: Work) -> None:
    source = "registry" if work.target["image"] else "this machine"
    try:
        work.target["digest"] = work.kind.resolve(work.target)
    except (Refused, StepFailed) as error:
        work.report.row(
            "pre.image", "fail", None, f"{work.target['image']}:{work.target['tag']}", str(error), source=source
        )
        raise Refused(str(error), refusals.way_out(error, "resolve")) from error
    work.report.row(
        "pre.image", "pass", work.target["digest"], f"{work.target['image']}:{work.target['tag']}", source=source
    )
