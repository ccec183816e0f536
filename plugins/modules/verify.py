#!/usr/bin/python
# Copyright (c) 2026 the muster.fleet authors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Documentation of the action plugin of the same name, which does the work on the controller."""

from __future__ import annotations

DOCUMENTATION = r"""
---
module: verify
short_description: Judge a machine by evidence, in one round trip
version_added: 0.1.0
description:
  - Sends the collectors to the host over the connection's standard input, judges what they saw by a profile and the catalogue of checks, and keeps record and facts in the run's directory on the controller.
  - Never fails for what was found. M(muster.fleet.report) makes the reports, and the role P(muster.fleet.report#role) fails the hosts that are not ready.
author: muster.fleet authors (@muster-fleet)
extends_documentation_fragment:
  - muster.fleet.attributes
attributes:
  check_mode:
    support: full
    details: Changes nothing on the host, in check mode or not.
  diff_mode:
    support: N/A
    details: Changes nothing on the host.
options:
  profile:
    description:
      - Class of machine whose profile says what is wanted. C(muster_class) when it is not given.
      - Where that is not set either, V(generic) judges it, and that nobody named a class is a finding.
    type: str
  rack:
    description: Rack the machine stands in.
    type: str
  slot:
    description: Lowest height unit that the machine takes in its rack.
    type: int
  check_dirs:
    description: Directories of your own checks; one with the id of a shipped check takes its place.
    type: list
    elements: path
    default: []
  profile_dirs:
    description: Directories of your own profiles, with baselines in C(baseline/) and hardware in C(hardware/) of them.
    type: list
    elements: path
    default: []
  baseline:
    description: >-
      What is recommended beside what the hardware is. V(none) asks for nothing, another name is a file in C(baseline/) of
      O(profile_dirs). When it is not given, the profile says it, or else it is V(recommended).
    type: str
  waivers:
    description: A YAML file of waivers.
    type: path
  domains:
    description: Collect and judge only these fact domains.
    type: list
    elements: str
    choices: [host, time, security, pci, gpu, nic, firmware, storage, log, service, cluster]
    default: []
  phases:
    description: Judge only these bring-up phases.
    type: list
    elements: int
    choices: [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12]
    default: []
  gated:
    description: Do not judge a phase when an earlier one is not ready.
    type: bool
    default: false
  deadline:
    description: Seconds that the machine has for answering, the connection not counted.
    type: float
    default: 45
  replay:
    description: Recordings on the controller, laid over each other, to answer in place of the machine.
    type: list
    elements: path
    default: []
  nvml_library:
    description:
      - Path of the simulated NVML library through which recordings answer, on the machine that replays them.
      - A recording itself names none. Where it is empty or the file is missing, recordings answer without a library.
    type: path
  planted:
    description: What was planted in a simulated host that has no recording.
    type: dict
  report_dir:
    description: Directory of runs.
    type: path
    default: reports
  run_id:
    description: Name of the run. Made from the time, the same for every host of a playbook, when it is not given.
    type: str
"""

EXAMPLES = r"""
- name: Verify without the role
  muster.fleet.verify:
    profile: hgx_h100
  register: verified

- name: Show the verdict
  ansible.builtin.debug:
    msg: "{{ verified.verdict }}: {{ verified.findings }}"
"""

RETURN = r"""
verdict:
  description: V(ready), V(degraded), V(not_ready) or V(unknown).
  returned: when the host was reached
  type: str
reached:
  description: Whether the collectors answered.
  returned: when the host was reached
  type: bool
counts:
  description: How many items have which status.
  returned: when the host was reached
  type: dict
findings:
  description: The first messages of what fails or is unknown.
  returned: when the host was reached
  type: list
  elements: str
findings_cut:
  description: How many further findings the record holds.
  returned: when the host was reached
  type: int
record:
  description: Where the record lies on the controller.
  returned: when the host was reached
  type: str
"""
