#!/usr/bin/python
# Copyright (c) 2026 the muster.fleet authors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

from __future__ import annotations

DOCUMENTATION = r"""
---
module: release
short_description: Replace a service by another release of it, or go back
version_added: 0.2.0
description:
  - Stops what runs, starts what is asked for by the id of its image, and keeps it only when it passes the service's gate. Whatever fails after
    the stop leads back to the release before, image and configuration together.
  - Every step is written to a journal on the host before it is taken. When this module, the connection, the container engine or the
    controller dies, the next run for this service finds the journal and first brings things to order.
  - Only releases that passed their gate and watch window are gone back to.
  - A deploy whose controller is gone (the job was cancelled, the connection was lost) notices that within seconds, and undoes what it did or
    goes back. What has passed gate and watch window is brought to its end, and so is a rollback.
  - Data of what runs that the new release would not find (a volume without a name, a named volume or a folder that is not mounted at the same
    path any more) is not left behind unless C(data_left_behind) of the service is V(allow). A rollback says so and goes on.
  - Published ports and the addresses of the gate must be free or the service's own, and the gate believes nobody else who answers there, unless
    C(own) of C(gate.http) or C(gate.tcp) is V(false).
  - A training run is never stopped. While one, or anything else, holds an accelerator that the service is given, a deploy is refused or waits.
  - Secrets are given in O(env) and O(files). They are kept on the host below O(state_dir), readable by root only, because configuration is
    rolled back together with the image. They are in no journal, history, diff, label or command line.
author: muster.fleet authors (@muster-fleet)
extends_documentation_fragment:
  - muster.fleet.attributes
attributes:
  check_mode:
    support: full
    details: Changes nothing on the host, and asks the registry which digest the tag stands for.
  diff_mode:
    support: full
    details: Shows tag, digest and configuration before and after. Values of the environment and contents of files are shown as a hash.
options:
  name:
    description: Name of the service. Its container has the same name.
    type: str
    required: true
  service:
    description: The service, an entry of C(deploy_services). Not needed to go back or to recover.
    type: dict
  state:
    description:
      - V(present) runs what O(tag) stands for, and changes nothing when that runs already and passes its gate. When it runs and does not pass,
        the outcome is V(failed) and nothing is changed.
      - V(rolled_back) goes O(to) verified releases back.
      - V(restarted) replaces what runs by itself, with gate and watch window, such as after a service that it depends on was replaced.
      - V(recovered) only brings to order what an interrupted run left behind. The others do so first as well. It fails where the service does
        not run.
    type: str
    choices: [present, rolled_back, restarted, recovered]
    default: present
  tag:
    description: Tag of the image, version of a systemd unit's files, or dated directory of a model.
    type: str
  to:
    description: How many verified releases to go back.
    type: int
    default: 1
  of_run:
    description: With O(state=rolled_back), go back only when what runs was deployed by the run of this name.
    type: str
  env:
    description: The environment of the service, with final values, as a mapping.
    type: json
    default: "{}"
  files:
    description:
      - Configuration files with final content, as a list of mappings with the keys C(dest), C(content), C(mode) (octal, in quotes),
        C(owner) and C(group). The last three are V(0640), V(root) and V(root) when they are not given.
    type: json
    default: "[]"
  registry:
    description: How to log in at the registry of the image.
    type: dict
    suboptions:
      username: {description: User., type: str, required: true}
      password: {description: Password or token., type: str, required: true}
  run_id:
    description: Name of the run, for history and audit.
    type: str
    default: ""
  who:
    description: Who runs this, for history, audit and lease.
    type: str
    default: ""
  why:
    description: Why, for history and audit.
    type: str
    default: ""
  state_dir:
    description: Where history, journal, lease and audit are kept, in a directory for each service.
    type: path
    default: /var/lib/muster/release
  lease_s:
    description: Seconds after which a run that does not go on any more has lost its lease.
    type: int
    default: 900
  socket:
    description:
      - Socket of the container engine. When it is not given, that of the engine which the service was deployed with; for a first deploy the one
        of F(/run/docker.sock) and F(/run/podman/podman.sock) that has a container of this name, else the first that answers.
      - A first deploy is refused when one of the two is there and silent, and everything is when another engine answers than the one that the
        service was deployed with, or that one is silent.
    type: path
notes:
  - Needs root. It needs nothing on the host but Python, and C(docker compose) for a service of the kind V(compose).
seealso:
  - module: muster.fleet.release_info
"""

EXAMPLES = r"""
- name: Run 1.4.2
  muster.fleet.release:
    name: annotation_queue
    tag: 1.4.2
    service:
      image: registry.example.com/azaion/annotation-queue
      required_env: [RABBITMQ_HOST]
      gate: {advancing: {file: /azaion/offset.yaml, key: offset}}
    env: {RABBITMQ_HOST: 10.0.0.5}

- name: Go back to the last verified release
  muster.fleet.release:
    name: annotation_queue
    state: rolled_back
"""

RETURN = r"""
outcome:
  description:
    - V(deployed), V(unchanged), V(rolled_back), V(restarted) or V(recovered) when all is well.
    - V(refused) when nothing was touched, V(reverted) when the release before runs again, V(failed) when nothing good runs, or what runs
      already does not pass its gate. With these the module fails, and C(msg) says what to do.
  returned: always
  type: str
release:
  description: What runs now. V(null) when nothing does.
  returned: always
  type: dict
  contains: &release
    id: {description: Name of the release on this host., type: str}
    tag: {description: What was asked for., type: str}
    digest: {description: Digest in the registry., type: str}
    image_id: {description: Id of the image in the engine., type: str}
    config_hash: {description: "Hash of all configuration, keyed with a key that never leaves the host.", type: str}
    since: {description: When it was started., type: str}
current:
  description: What the history names as current, whether it runs or not.
  returned: always
  type: dict
  contains: *release
target:
  description: What was asked for, once it is known. V(null) where it did not come so far.
  returned: always
  type: dict
  contains: *release
previous:
  description: Where a rollback would go. V(null) when there is nothing to go back to.
  returned: always
  type: dict
  contains: *release
recovered:
  description: What was brought to order before anything else. V(null) when there was nothing.
  returned: always
  type: str
phase:
  description: The last phase that was entered.
  returned: always
  type: str
phases:
  description: The phases in order.
  returned: always
  type: list
  elements: dict
  contains:
    phase: {description: Its name., type: str}
    at: {description: When it was entered., type: str}
    took_s: {description: Seconds., type: float}
warnings:
  description: "What went well in the end and should be looked at, such as a stop by force (exit code 137)."
  returned: always
  type: list
  elements: str
checks:
  description: What the host itself saw of the checklists before and after a deploy.
  returned: always
  type: list
  elements: dict
  contains:
    id: {description: Name of the check., type: str}
    item: {description: The item of the checklist., type: str}
    status: {description: "V(pass), V(fail), V(unknown) or V(not_applicable).", type: str}
    observed: {description: What was seen., type: raw}
    expected: {description: What should have been seen., type: raw}
    message: {description: A sentence., type: str}
    source: {description: From where., type: str}
    at: {description: When., type: str}
audit:
  description: Head of the audit chain. Kept elsewhere, it shows later that nothing was cut off or rewritten.
  returned: always
  type: dict
  contains:
    seq: {description: Number of the last entry., type: int}
    hash: {description: Its hash., type: str}
"""

import signal
from typing import Any, Dict

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.muster.fleet.plugins.module_utils.release import machine

LOGIN = {"username": {"type": "str", "required": True}, "password": {"type": "str", "required": True, "no_log": True}}
OPTIONS: Dict[str, Any] = {
    "name": {"type": "str", "required": True},
    "service": {"type": "dict"},
    "state": {"type": "str", "choices": ["present", "rolled_back", "restarted", "recovered"], "default": "present"},
    "tag": {"type": "str"},
    "to": {"type": "int", "default": 1},
    "of_run": {"type": "str"},
    # JSON, not a dict: of a dict every single value would be masked in the result, "1" in a tag too
    "env": {"type": "json", "default": "{}", "no_log": True},
    "files": {"type": "json", "default": "[]", "no_log": True},
    "registry": {"type": "dict", "options": LOGIN},
    "run_id": {"type": "str", "default": ""},
    "who": {"type": "str", "default": ""},
    "why": {"type": "str", "default": ""},
    "state_dir": {"type": "path", "default": "/var/lib/muster/release"},
    "lease_s": {"type": "int", "default": 900},
    "socket": {"type": "path"},
}


def main() -> None:
    """Hand over to the state machine."""
    signal.signal(signal.SIGHUP, signal.SIG_IGN)  # a lost terminal must not end it half-way: it notices, and goes back
    module = AnsibleModule(OPTIONS, supports_check_mode=True, required_if=[("state", "present", ("service", "tag"))])
    result = machine.run(module.params, module.check_mode)
    for text in result.pop("warnings"):  # Ansible adds them to the result itself
        module.warn(text)
    if result["failed"]:
        module.fail_json(**result)
    module.exit_json(**result)


if __name__ == "__main__":
    main()
