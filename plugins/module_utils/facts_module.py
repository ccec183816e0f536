# Copyright (c) 2026 the muster.fleet authors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The shared ``main()`` of the facts modules: options in, collectors run, ``ansible_facts`` out."""

from __future__ import annotations

from typing import Any, Dict, Mapping, Optional

from ansible.module_utils.basic import AnsibleModule

from .collect.together import Collector, collect
from .host import Host
from .replay import BadRecording, Replay, load

OPTIONS: Dict[str, Any] = {
    "replay": {"type": "list", "elements": "path", "default": []},
    "deadline": {"type": "float", "default": 45},
}


def run(
    collectors: Mapping[str, Collector],
    options: Optional[Mapping[str, Any]] = None,
    wanted_from: Optional[Any] = None,
) -> None:
    """Run a facts module.

    ``collectors`` by domain; ``options`` are the module's own; ``wanted_from`` turns its parameters into what each
    domain is asked for.
    """
    module = AnsibleModule(argument_spec=dict(OPTIONS, **(options or {})), supports_check_mode=True)
    try:
        layers = [load(path) for path in module.params["replay"]]
    except BadRecording as error:
        module.fail_json(msg=str(error))
    host: Host = Replay(layers) if layers else Host()
    chosen = {name: collectors[name] for name in module.params.get("gather_subset") or collectors}
    wanted = wanted_from(module.params) if wanted_from else {}
    found = collect(host, chosen, wanted, module.params["deadline"])
    facts = {f"muster_{domain}": facts for domain, facts in found.items()}
    module.exit_json(ansible_facts=dict(facts, muster_simulated=host.simulated))
