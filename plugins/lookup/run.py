# Copyright (c) 2026 the muster.fleet authors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The hosts of a play of muster.fleet: where a run begins and where it is refused to end green on nothing."""

from __future__ import annotations

DOCUMENTATION = r"""
---
name: run
author: muster.fleet authors (@muster-fleet)
version_added: 0.1.0
short_description: The hosts of a play of muster.fleet, and why one is failed
description:
  - The playbooks of this collection ask it for the hosts of their plays. Ansible works those out whatever tags, limit
    or start point leave of the tasks, so a run begins here before a host is asked, and cannot end successful when
    nothing was judged.
  - Fails the playbook when no host is meant, or when the run that ends here left no report.
options:
  _terms:
    description:
      - What the play is for.
      - V(begin) is the first play of O(kind). A new run begins, C(reports/latest) points at it, and its hosts are
        those of O(hosts).
      - V(controller) is a play that asks no machine. It is C(localhost), or one host of the limit where that leaves
        it out.
      - V(hosts) are the hosts of the run that an earlier play began.
      - V(rollout) and V(batches) are the hosts of a deploy in their order, and the sizes of its batches.
      - V(refused) are the hosts to fail, as the report says. V(why) says in a task why its host is failed.
      - V(judged) insists that something was judged, recorded or decided.
    type: list
    elements: str
    required: true
    choices: [begin, controller, hosts, rollout, batches, refused, why, judged]
  kind:
    description: The playbook, for V(begin) and V(controller).
    type: str
  hosts:
    description: Pattern of hosts, for V(begin).
    type: raw
    default: all
"""

EXAMPLES = r"""
- name: Verify machines
  hosts: "{{ query('muster.fleet.run', 'begin', kind='verify', hosts='rack_a01') }}"
  gather_facts: false
  tags: always
  roles: [muster.fleet.verify]
"""

RETURN = r"""
_list:
  description: Patterns of hosts, sizes of batches, or the reason.
  type: list
  elements: raw
"""

from typing import Any

from ansible.errors import AnsibleError
from ansible.plugins.loader import lookup_loader
from ansible.plugins.lookup import LookupBase

from ansible_collections.muster.fleet.plugins.plugin_utils.files import BadInput
from ansible_collections.muster.fleet.plugins.plugin_utils.play import Play, why

STEPS = ("hosts", "rollout", "batches", "refused", "judged")


class LookupModule(LookupBase):
    """Hosts of a play."""

    def run(self, terms: Any, variables: Any = None, **kwargs: Any) -> list[Any]:
        """Return patterns of hosts; what must not go on is an error."""
        self.set_options(var_options=variables, direct=kwargs)
        step, known = str(terms[0]), variables or {}
        if step == "why":
            return [why(str(known.get("inventory_hostname")))]
        names = lookup_loader.get("ansible.builtin.inventory_hostnames", loader=self._loader, templar=self._templar)
        play = Play(known, lambda pattern: names.run([pattern], known), self._templar.template)
        try:
            if step == "begin":
                return play.begin(str(self.get_option("kind")), self.get_option("hosts"))
            if step == "controller":
                return play.controller(str(self.get_option("kind")))
            if step in STEPS:
                found: list[Any] = getattr(play, step)()
                return found
        except BadInput as error:
            raise AnsibleError(str(error)) from error
        raise AnsibleError(f"{step!r} is none of begin, controller, why, {', '.join(STEPS)}")
