#!/usr/bin/python
# Copyright (c) 2026 the muster.fleet authors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Documentation of the action plugin of the same name, which does the work on the controller."""

from __future__ import annotations

DOCUMENTATION = r"""
---
module: capture
short_description: Write a profile from golden hosts
version_added: 0.1.0
description:
  - Reads the facts that M(muster.fleet.verify) kept of hosts that are as they should be, and writes the profile that says so.
  - A value on which all of them agree is written with its source. One on which they do not agree is listed in a comment, host by host.
  - Which fact a key stands for is what the catalogue says. Limits, such as the least driver version, are not captured.
author: muster.fleet authors (@muster-fleet)
extends_documentation_fragment:
  - muster.fleet.attributes
attributes:
  check_mode:
    support: full
    details: Reads and compares, and writes no file.
  diff_mode:
    support: full
    details: Shows how the profile changes.
options:
  name:
    description: >-
      Name of the profile, in lower-case letters, digits and underscores. The file has the same name. It must be given, here
      or as C(capture_name).
    type: str
  title:
    description: What people call this class of machine. The name when it is not given.
    type: str
  extends:
    description: Profile that this one builds on. What it states already is not written again.
    type: str
    default: generic
  dest:
    description: File on the controller. C(profiles/<name>.yml) when it is not given.
    type: path
  hosts:
    description: The golden hosts. Those of the play when none are given.
    type: list
    elements: str
    default: []
  report_dir:
    description: Directory of runs.
    type: path
    default: reports
  run_id:
    description: Run to take facts from. The one of this playbook when it is not given, or else the latest.
    type: str
  check_dirs:
    description: Directories of your own checks.
    type: list
    elements: path
    default: []
  profile_dirs:
    description: Directories of your own profiles.
    type: list
    elements: path
    default: []
  allow_single:
    description: Take one host for golden.
    type: bool
    default: false
  allow_simulated:
    description: Take simulated hosts for golden. The profile then says so.
    type: bool
    default: false
  allow_not_ready:
    description: >-
      Take hosts that were not ready. Of a part of the machine on which one of their critical or major checks did not pass,
      nothing is written; what they show of it is listed in a comment.
    type: bool
    default: false
  validate_only:
    description: Only look whether name, file, hosts and the profile to build on can be used. Reads no facts and writes nothing.
    type: bool
    default: false
  overwrite:
    description: Replace a file that was not captured.
    type: bool
    default: false
"""

EXAMPLES = r"""
- name: Write what these two machines agree on
  muster.fleet.capture:
    name: our_h100
    extends: hgx_h100
    dest: profiles/our_h100.yml
    hosts: [gpu-a01-01, gpu-a01-02]
  run_once: true
"""

RETURN = r"""
dest:
  description: Where the profile lies on the controller.
  returned: success
  type: str
run_id:
  description: The run that the facts are from.
  returned: success
  type: str
hosts:
  description: The golden hosts.
  returned: success
  type: list
  elements: str
simulated:
  description: Whether any of them is simulated.
  returned: success
  type: bool
not_ready:
  description: Those of them that were not ready in that run.
  returned: success
  type: list
  elements: str
left_out:
  description: Keys that were not taken, because checks of the same part of a machine had failed.
  returned: success
  type: list
  elements: str
msg:
  description: What was written, from which hosts, and what was left to decide.
  returned: success
  type: str
values:
  description: How many values were written.
  returned: success
  type: int
differ:
  description: Keys on which the hosts do not agree.
  returned: success
  type: list
  elements: str
"""
