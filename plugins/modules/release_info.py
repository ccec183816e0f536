#!/usr/bin/python
# Copyright (c) 2026 the muster.fleet authors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

from __future__ import annotations

DOCUMENTATION = r"""
---
module: release_info
short_description: What runs of a service, and whether there is a way back
version_added: 0.2.0
description:
  - Reads what M(muster.fleet.release) keeps on the host and asks the engine whether it is still so.
  - Ask it on a schedule. A clean-up of images can take away the way back long before it is needed.
author: muster.fleet authors (@muster-fleet)
extends_documentation_fragment:
  - muster.fleet.attributes
  - muster.fleet.attributes.read_only
options:
  name:
    description: Name of the service.
    type: str
    required: true
  to:
    description: How many verified releases back RV(rollback) looks.
    type: int
    default: 1
  state_dir:
    description: As in M(muster.fleet.release).
    type: path
    default: /var/lib/muster/release
  socket:
    description: As in M(muster.fleet.release).
    type: path
seealso:
  - module: muster.fleet.release
"""

EXAMPLES = r"""
- name: Ask whether the queue can be rolled back
  muster.fleet.release_info:
    name: annotation_queue
  register: queue
  failed_when: not queue.rollback.possible
"""

RETURN = r"""
current:
  description: "The release that is to run: RV(history) has it as well. V(null) before the first deploy."
  returned: always
  type: dict
running:
  description: Whether it runs. V(null) when that could not be asked.
  returned: always
  type: bool
history:
  description: The releases, newest first.
  returned: always
  type: list
  elements: dict
  contains:
    id: {description: Name of the release on this host., type: str}
    seq: {description: "Its number, which also orders releases when the clock was set back.", type: int}
    tag: {description: What was asked for., type: str}
    digest: {description: Digest in the registry., type: str}
    image_id: {description: Id of the image in the engine., type: str}
    config_hash: {description: Keyed hash of all configuration., type: str}
    verified: {description: Whether it passed gate and watch window., type: bool}
    outcome: {description: "V(deployed), V(rolled_back), V(reverted), V(failed) or V(adopted).", type: str}
    reason: {description: Why it is not verified., type: str}
    stop_exit: {description: Exit code of the release before when it was stopped for this one., type: int}
    who: {description: Who., type: str}
    why: {description: Why., type: str}
    run_id: {description: In which run., type: str}
    since: {description: When it was started., type: str}
    engine: {description: "Container engine that it was deployed with: C(name), C(socket) and C(id). V(null) where there is none.", type: dict}
journal:
  description: The unfinished run that the next contact recovers. V(null) when there is none.
  returned: always
  type: dict
lease:
  description: Who works on the service. V(null) when nobody does.
  returned: always
  type: dict
  contains:
    owner: {description: Who., type: str}
    run_id: {description: In which run., type: str}
    since: {description: Since when., type: str}
    until: {description: Until when it holds unless it is renewed., type: str}
    expired: {description: Whether another run may take it over., type: bool}
audit:
  description: Whether the audit chain holds together.
  returned: always
  type: dict
  contains:
    intact: {description: "Whether it does. V(null) when it could not be read.", type: bool}
    first_bad: {description: Number of the first line that does not fit., type: int}
    message: {description: What is wrong., type: str}
    seq: {description: Number of the last entry., type: int}
    hash: {description: Hash of the last entry., type: str}
rollback:
  description: Rollback readiness.
  returned: always
  type: dict
  contains:
    possible: {description: "Whether a rollback would find everything it needs. V(null) when that could not be asked.", type: bool}
    to: {description: The release it would go to., type: dict}
    why_not: {description: Why it is not possible., type: str}
"""

from typing import Any, Dict

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.muster.fleet.plugins.module_utils.release import readiness

OPTIONS: Dict[str, Any] = {
    "name": {"type": "str", "required": True},
    "to": {"type": "int", "default": 1},
    "state_dir": {"type": "path", "default": "/var/lib/muster/release"},
    "socket": {"type": "path"},
}


def main() -> None:
    """Read and tell."""
    module = AnsibleModule(OPTIONS, supports_check_mode=True)
    module.exit_json(changed=False, **readiness.run(module.params))


if __name__ == "__main__":
    main()
