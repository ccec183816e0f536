# Copyright (c) 2026 the muster.fleet authors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Stands in for the module ``release`` in the tests of the fleet's logic: a node whose services are lines in a file.

``bad.json`` in the state directory makes it fail: ``{"bad_tag": "reverted", "restart consumer": "failed"}``.
"""

from __future__ import annotations

import json
from pathlib import Path

from ansible.module_utils.basic import AnsibleModule

OPTIONS = {
    "name": {"type": "str"}, "service": {"type": "dict"}, "state": {"type": "str"}, "tag": {"type": "str"},
    "to": {"type": "int"}, "of_run": {"type": "str"}, "env": {"type": "json", "no_log": True},
    "files": {"type": "json", "no_log": True}, "registry": {"type": "dict"}, "run_id": {"type": "str"},
    "who": {"type": "str"}, "why": {"type": "str"}, "state_dir": {"type": "path"}, "lease_s": {"type": "int"},
    "socket": {"type": "path"},
}  # fmt: skip
POST = ("running", "restarts", "http", "tcp", "listener", "command", "advancing", "resumed", "log", "disk")
PRE = ("accelerators", "data", "image", "listener", "way_back", "disk", "directories", "driver", "container_runtime")


def check(name, status="pass", message="as it must be"):
    return {"id": name, "item": None, "status": status, "message": message, "observed": 1, "expected": 1}


class Node:
    """One service on one host."""

    def __init__(self, given):
        self.given = given
        self.place = Path(given["state_dir"]) / f"{given['name']}.json"
        self.history = json.loads(self.place.read_text()) if self.place.exists() else []
        bad = self.place.with_name("bad.json")
        self.bad = json.loads(bad.read_text()) if bad.exists() else {}

    def now(self):
        return self.history[0] if self.history else None

    def told(self, changed, outcome, **more):
        previous = self.history[1] if len(self.history) > 1 else None
        return {"changed": changed, "outcome": outcome, "release": self.now(), "previous": previous, "phase": "commit",
                "warnings": [], "checks": [check(f"release.pre.{name}") for name in PRE], **more}  # fmt: skip

    def present(self, dry):
        given = self.given
        digest = f"sha256:{given['tag']:0<12}"
        trouble = self.bad.get(given["tag"])
        if trouble:
            return self.told(False, trouble, failed=True, msg=f"{given['tag']} is bad")
        if self.now() and self.now()["tag"] == given["tag"]:
            told = self.told(False, "unchanged")
            return {**told, "checks": told["checks"] + [check(f"release.post.{name}") for name in POST]}
        before = self.now()
        after = {"id": f"id-{given['tag']}", "tag": given["tag"], "digest": digest, "run": given["run_id"]}
        diff = {"before": f"{before and before['tag']}\n", "after": f"{given['tag']}\n"}
        if not dry:
            self.history.insert(0, after)
            self.keep()
        posts = [check(f"release.post.{name}") for name in POST]
        told = self.told(True, "deployed", diff=diff, previous=before, target=after)
        return {**told, "checks": told["checks"] + ([] if dry else [*posts, check("release.stop")])}

    def rolled_back(self, dry):
        given = self.given
        if given.get("of_run") and (not self.now() or self.now()["run"] != given["of_run"]):
            return self.told(False, "unchanged")
        steps = given.get("to") or 1
        if len(self.history) <= steps:
            return self.told(False, "refused", failed=True, msg=f"there are not {steps} earlier verified releases")
        target = self.history[steps]
        if dry:
            checks = [check(f"release.pre.{name}") for name in ("accelerators", "target")]
            return self.told(True, "rolled_back", target=target, checks=checks)
        self.history = self.history[steps:]
        self.keep()
        return self.told(True, "rolled_back", target=target, checks=[check(f"release.post.{name}") for name in POST])

    def recovered(self, dry):
        return self.told(False, "unchanged")

    def restarted(self, dry):
        trouble = self.bad.get(f"restart {self.given['name']}")
        if trouble:
            return self.told(True, trouble, failed=True, msg="it does not come up again")
        return self.told(not dry, "restarted", checks=[check(f"release.post.{name}") for name in POST])

    def keep(self):
        self.place.parent.mkdir(parents=True, exist_ok=True)
        self.place.write_text(json.dumps(self.history))


def main():
    module = AnsibleModule(OPTIONS, supports_check_mode=True)
    told = getattr(Node(module.params), module.params["state"])(module.check_mode)
    if told.pop("failed", False):
        module.fail_json(**told)
    module.exit_json(**told)


if __name__ == "__main__":
    main()
