#!/usr/bin/python
# Copyright (c) 2026 the muster.fleet authors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Documentation of the action plugin of the same name, which does the work on the controller."""

from __future__ import annotations

DOCUMENTATION = r"""
---
module: attest
short_description: Write and sign an attestation
version_added: 0.1.0
description:
  - Writes one attestation, or the sign-off of a finished run, into a directory on the controller and signs it with C(ssh-keygen -Y sign).
  - The signature is verified before anything is written.
author: muster.fleet authors (@muster-fleet)
extends_documentation_fragment:
  - muster.fleet.attributes
attributes:
  check_mode:
    support: full
    details: Signs and writes nothing.
  diff_mode:
    support: full
options:
  item:
    description: What it answers, for example C(piqc:0.1). Follows from run and role with O(signoff).
    type: str
  statement:
    description: What is stated. A sign-off has one of its own.
    type: str
  who:
    description: Who states it, as named in the file of allowed signers.
    type: str
    required: true
  role:
    description: In which role.
    type: str
    required: true
  expires:
    description: Last day on which it holds, C(YYYY-MM-DD).
    type: str
    required: true
  evidence:
    description: A file, which is hashed, or an address, which is not asked. The document of the run with O(signoff).
    type: str
  signoff:
    description: Sign off a finished run in this role.
    type: bool
    default: false
  run:
    description: Run to sign off, by id, directory or file. The latest when it is not given.
    type: str
  report_dir:
    description: Directory of runs.
    type: path
    default: reports
  site:
    description: Name of the site that it is given for, and for no other. Nothing is attested without one.
    type: str
  directory:
    description: Directory of attestations. C(attestations) beside the inventory when it is not given.
    type: path
  signers:
    description: File of allowed signers. C(allowed_signers) beside the inventory when it is not given.
    type: path
  key:
    description: Path of the SSH key to sign with. Without it the file is written unsigned, which is not valid.
    type: path
  replace:
    description: Overwrite a valid attestation of the same item.
    type: bool
    default: false
"""

EXAMPLES = r"""
- name: Attest that the floor carries the rack
  muster.fleet.attest:
    item: piqc:0.1
    statement: The floor carries 1,600 kg per rack
    who: j.doe@example.org
    role: Facility Manager
    expires: "2027-11-30"
    evidence: floor.pdf
    key: ~/.ssh/id_ed25519
"""

RETURN = r"""
file:
  description: Where the attestation lies on the controller.
  returned: success
  type: str
item:
  description: What it answers.
  returned: success
  type: str
valid:
  description: Whether it is signed and can be relied on.
  returned: success
  type: bool
"""
