#!/usr/bin/python
# Copyright (c) 2026 the muster.fleet authors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Documentation of the action plugin of the same name, which does the work on the controller."""

from __future__ import annotations

DOCUMENTATION = r"""
---
module: catalogue
short_description: List the checks of the catalogue
version_added: 0.1.0
description:
  - Lists id, title, severity, phase, facts read, expectation, source of the threshold and covered checklist items of every check.
  - Counts how many items of each checklist have an answer, and names those that have none.
  - Asks no machine.
author: muster.fleet authors (@muster-fleet)
extends_documentation_fragment:
  - muster.fleet.attributes
attributes:
  check_mode:
    support: full
    details: Says whether the page would change.
  diff_mode:
    support: none
options:
  check_dirs:
    description: Directories of checks of your own, added to those of the collection, or in their place by id.
    type: list
    elements: path
    default: []
  dest:
    description: Markdown page to write on the controller. The list goes to the console when it is not given.
    type: path
"""

EXAMPLES = r"""
- name: Print the catalogue
  muster.fleet.catalogue:

- name: Write it as a page
  muster.fleet.catalogue:
    dest: docs/catalogue.md
"""

RETURN = r"""
checks:
  description: How many checks there are.
  returned: success
  type: int
coverage:
  description: One line for each checklist, with what answers its items and which have no answer.
  returned: success
  type: list
  elements: str
"""
