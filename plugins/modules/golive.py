#!/usr/bin/python
# Copyright (c) 2026 the muster.fleet authors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Documentation of the action plugin of the same name, which does the work on the controller."""

from __future__ import annotations

DOCUMENTATION = r"""
---
module: golive
short_description: Decide whether a finished run may go live
version_added: 0.1.0
description:
  - Reads a finished run, the attestations and what people decided, and writes the decision as a signed record into the run's directory.
  - Asks no machine.
author: muster.fleet authors (@muster-fleet)
extends_documentation_fragment:
  - muster.fleet.attributes
attributes:
  check_mode:
    support: full
    details: Decides and writes nothing.
  diff_mode:
    support: N/A
    details: Changes nothing on the host.
options:
  run:
    description: Run to decide on, by id, directory or file. The latest when it is not given.
    type: str
  report_dir:
    description: Directory of runs.
    type: path
    default: reports
  attestations:
    description: Directory of attestations and sign-offs. C(attestations) beside the inventory when it is not given.
    type: path
  signers:
    description: File of allowed signers. C(allowed_signers) beside the inventory when it is not given.
    type: path
  site:
    description: Name of the site that goes live. Attestations that were given for another, or for none, count nothing.
    type: str
  decisions:
    description: File of risks, plans, known issues and who must sign off. C(golive.yml) beside the inventory when it is not given.
    type: path
  who:
    description: Who signs the record, as named in the file of allowed signers.
    type: str
  key:
    description: Path of the SSH key to sign with. Without it the decision is REJECT.
    type: path
  max_age_hours:
    description: How old the oldest evidence of a run may be to be decided on.
    type: float
    default: 24
  expected_hosts:
    description: How many hosts the run must have. Zero expects nothing.
    type: int
    default: 0
  verify:
    description: An old record to check again. Nothing is decided or written then.
    type: path
"""

EXAMPLES = r"""
- name: Decide on the latest run
  muster.fleet.golive:
    who: lead@example.org
    key: ~/.ssh/id_ed25519
  run_once: true
"""

RETURN = r"""
decision:
  description: V(APPROVE) or V(REJECT).
  returned: success
  type: str
holds:
  description: Whether the decision is V(APPROVE) and nothing speaks against it now.
  returned: success
  type: bool
reasons:
  description: Why it may not go live, or why an old record no longer holds; 20 at most, all of them are in the record.
  returned: success
  type: list
  elements: str
reasons_cut:
  description: How many more there are.
  returned: success
  type: int
run_id:
  description: The run that was decided on.
  returned: success
  type: str
record:
  description: Where the record lies on the controller.
  returned: success
  type: str
"""
