#!/usr/bin/python
# Copyright (c) 2026 the muster.fleet authors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Documentation of the action plugin of the same name, which does the work on the controller."""

from __future__ import annotations

DOCUMENTATION = r"""
---
module: report
short_description: Write a run's reports
version_added: 0.1.0
description:
  - Reads the records that M(muster.fleet.verify) kept and writes HTML, JSON, JUnit, Markdown and Prometheus text into the run's directory.
  - Holds the hosts of the run beside each other, by the facts that were kept. Asks no machine.
author: muster.fleet authors (@muster-fleet)
extends_documentation_fragment:
  - muster.fleet.attributes
attributes:
  check_mode:
    support: full
    details: Writes on the controller only.
  diff_mode:
    support: N/A
    details: Changes nothing on the host.
options:
  dir:
    description: Directory of runs.
    type: path
    default: reports
  run_id:
    description: Run to report. The one of this playbook when it is not given, or else the latest.
    type: str
  expected_hosts:
    description: How many hosts the run must have. Zero expects nothing.
    type: int
    default: 0
  cable_plan:
    description:
      - YAML file that says where cables end, a mapping of hosts to interfaces to C(switch) (or C(ib_switch)) and C(port).
      - LLDP neighbours are held against it, and what O(fabric) shows.
    type: path
  fabric:
    description: File with what C(ibnetdiscover) printed, at most a day old. It shows the InfiniBand cables of all hosts.
    type: path
  accepted_run:
    description: Run to compare versions, counts and serial numbers with. The newest one of each host that ended well when it is not given.
    type: str
  fleet_dirs:
    description: Directories of your own checks between hosts.
    type: list
    elements: path
    default: []
  waivers:
    description: YAML file of waivers. Those of checks between hosts, whose ids begin with C(fleet.), are applied here.
    type: path
  site_dir:
    description:
      - Directory with C(evidence.yml), which names the files, URLs and commands by which the site shows what no machine can.
      - They are read on the controller, judged once per run and not per host, and so are attestations.
      - Nothing is asked when it is not given.
    type: path
  attestations:
    description: Directory of attestations, judged with the evidence. C(attestations) beside the inventory when it is not given.
    type: path
  signers:
    description: File of allowed signers. C(allowed_signers) beside the inventory when it is not given.
    type: path
  site:
    description: Name of this site. Attestations that were given for another, or for none, count nothing.
    type: str
  fail:
    description: Name hosts to fail. Without it the reports alone say who is not ready.
    type: bool
    default: true
  slice:
    description:
      - The run is a slice of a bigger one. It names no hosts to fail and expects no number of hosts, as the run that merges it does.
      - C(muster_slice) when it is not given.
    type: bool
    default: false
  merge:
    description:
      - Directories of runs, or patterns of them, that are slices of one run. They become a new run, which is reported.
      - Of a host in several slices the newest record counts. A slice that is not there is named, and the run is not ready then.
      - Results of another schema version are refused.
    type: list
    elements: str
    default: []
  merge_hosts:
    description: Hosts that the merged run has to answer for, besides those that its slices expected.
    type: list
    elements: str
    default: []
"""

EXAMPLES = r"""
- name: Write the reports of this run
  muster.fleet.report:
  run_once: true
  register: reported
"""

RETURN = r"""
verdict:
  description: The verdict of the fleet.
  returned: success
  type: str
counts:
  description: How many hosts have which verdict.
  returned: success
  type: dict
simulated:
  description: Whether simulated machines are part of the run.
  returned: success
  type: bool
report:
  description: Where the HTML report lies on the controller.
  returned: success
  type: str
refused:
  description: Why hosts that do not pass muster are to be failed, of the first twenty. P(muster.fleet.run#lookup) knows all.
  returned: success
  type: dict
refused_cut:
  description: How many more there are.
  returned: success
  type: int
"""
