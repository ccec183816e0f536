#!/usr/bin/python
# Copyright (c) 2026 the muster.fleet authors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Documentation of the action plugin of the same name, which does the work on the controller."""

from __future__ import annotations

DOCUMENTATION = r"""
---
module: rollout
short_description: Take a release through the fleet, step by step
version_added: 0.2.0
description:
  - The controller's side of P(muster.fleet.deploy#role) and P(muster.fleet.rollback#role). What happens on a machine is the work of M(muster.fleet.release).
  - V(plan) checks, for each host and without asking it, all services that C(deploy_services) describes, renders environment and configuration, and answers the controller's items of the checklist. V(gate) lets all hosts go on, or none, and cuts the batches. V(apply) deploys or goes back on a host, unless a host of an earlier batch did not make it. V(settle) leads a host back when this run deployed there and the fleet did not make it.
  - The steps tell each other by files in the run's directory, in which no secret is ever written; so each can be a play of its own.
  - Never fails a host for what came out. M(muster.fleet.report) makes the reports, and the role P(muster.fleet.report#role) gives the verdict.
  - Options that are not given are read from the variables C(deploy_*) or C(rollback_*) of the role.
author: muster.fleet authors (@muster-fleet)
extends_documentation_fragment:
  - muster.fleet.attributes
attributes:
  check_mode:
    support: full
    details: Asks the hosts and the registry, and changes nothing. Batches do not wait for each other then, so that all that would go wrong is told.
  diff_mode:
    support: full
    details: Shows release and configuration before and after; values of the environment and of secrets are hashes.
options:
  step:
    description: Which step.
    type: str
    choices: [plan, gate, apply, settle]
    required: true
  state:
    description: What is planned, V(present) to deploy O(tag), V(rolled_back) to go O(to) verified releases back. The later steps do what was planned.
    type: str
    choices: [present, rolled_back]
    default: present
  service:
    description: Name of the service, an entry of C(deploy_services).
    type: str
    default: ""
  tag:
    description: Which release of it.
    type: str
    default: ""
  to:
    description: How many verified releases to go back.
    type: int
    default: 1
  from:
    description: Go back only where this tag runs, and leave other hosts as they are.
    type: str
    default: ""
  canary:
    description: How many hosts go first, a number or a share such as V(25%).
    type: str
    default: "1"
  batch:
    description: How many hosts go together afterwards, a number or a share.
    type: str
    default: 25%
  template_dir:
    description: Where templates and files of the checklist lie. The inventory's directory when it is not given.
    type: path
  registry_username:
    description: User at the registry, else the environment variable E(MUSTER_REGISTRY_USERNAME).
    type: str
  registry_password:
    description: Password at the registry, else the environment variable E(MUSTER_REGISTRY_PASSWORD).
    type: str
  state_dir:
    description: Directory on the hosts for the state of each service.
    type: path
  socket:
    description: Socket of the container engine.
    type: path
  lease_s:
    description: Seconds after which the lease of a deploy that died may be taken over.
    type: int
  timeout_s:
    description: Seconds that a machine has for one service, pull and gate and watch window and all. One that says nothing for longer counts as unreachable.
    type: float
    default: 3600
  who:
    description: Who does it. The user of AWX, or else of the controller, when it is not given.
    type: str
  why:
    description: Why it is done.
    type: str
  expected_hosts:
    description: How many hosts must be meant; another number is refused. Zero expects nothing.
    type: int
    default: 0
  max_hosts:
    description: How many hosts may be meant at most. Zero allows any number.
    type: int
    default: 0
  report_dir:
    description: Directory of runs.
    type: path
    default: reports
  run_id:
    description: Name of the run. Made from the time, the same for every host of a playbook, when it is not given.
    type: str
"""

EXAMPLES = r"""
- name: Deploy to all hosts of a play at once, by the role
  ansible.builtin.import_role:
    name: muster.fleet.deploy
  vars:
    deploy_service: annotation_queue
    deploy_tag: 1.4.2

- name: See whether everything is there for a deploy, without asking any host
  muster.fleet.rollout:
    step: plan
    service: annotation_queue
    tag: 1.4.2
  register: planned
"""

RETURN = r"""
problems:
  description: What speaks against going on, each with service and host.
  returned: O(step=plan) and O(step=gate)
  type: list
  elements: str
chain:
  description: The service and what depends on it, in the order of their restart.
  returned: O(step=plan)
  type: list
  elements: str
hosts:
  description: The hosts to go on with, all or none.
  returned: O(step=gate)
  type: list
  elements: str
batches:
  description: Sizes of the batches.
  returned: O(step=gate)
  type: list
  elements: int
outcome:
  description: V(deployed), V(unchanged), V(rolled_back), V(refused), V(reverted), V(failed), V(not_attempted), V(unreachable) or V(no_answer).
  returned: O(step=apply) and O(step=settle)
  type: str
verdict:
  description: What the checklist makes of the host.
  returned: O(step=apply), and O(step=settle) where a host was led back
  type: str
"""
