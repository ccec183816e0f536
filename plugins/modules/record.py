#!/usr/bin/python
# Copyright (c) 2026 the muster.fleet authors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Documentation of the action plugin of the same name, which does the work on the controller."""

from __future__ import annotations

DOCUMENTATION = r"""
---
module: record
short_description: Record what a machine answers
version_added: 0.1.0
description:
  - Asks the machine everything that the collectors ask, and keeps questions and answers in one file on the controller.
  - The facts modules and M(muster.fleet.verify) take such a file in place of the machine.
author: muster.fleet authors (@muster-fleet)
extends_documentation_fragment:
  - muster.fleet.attributes
attributes:
  check_mode:
    support: full
    details: Asks the machine and writes no file.
  diff_mode:
    support: N/A
    details: Changes nothing on the host.
options:
  dest:
    description: File on the controller.
    type: path
    required: true
  profile:
    description: Profile that says which units, sysctls and packages to ask for.
    type: str
    default: generic
  profile_dirs:
    description: Directories of your own profiles.
    type: list
    elements: path
    default: []
  scrub:
    description: Replace serial numbers, UUIDs, GUIDs, MAC and IP addresses and the host's name, each always by the same made-up text.
    type: bool
    default: true
  deadline:
    description: Seconds that the machine has for answering.
    type: float
    default: 60
"""

EXAMPLES = r"""
- name: Record this machine
  muster.fleet.record:
    dest: "recordings/{{ inventory_hostname }}.json"
"""

RETURN = r"""
dest:
  description: Where the recording lies on the controller.
  returned: success
  type: str
scrubbed:
  description: Whether identifiers were replaced.
  returned: success
  type: bool
files:
  description: How many files were asked for.
  returned: success
  type: int
commands:
  description: How many commands were run.
  returned: success
  type: int
"""
