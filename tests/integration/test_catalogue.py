# Copyright (c) 2026 the muster.fleet authors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""``ansible-playbook muster.fleet.catalogue`` of the installed collection, without any machine."""

from __future__ import annotations

from pathlib import Path

from .conftest import BIN, Run


def test_catalogue_is_printed_without_an_inventory(collections: Path, run: Run, tmp_path: Path) -> None:
    ran = run(BIN / "ansible-playbook", "muster.fleet.catalogue", "-i", "localhost,", cwd=tmp_path)
    assert ran.returncode == 0, ran.stdout[-2000:] + ran.stderr
    assert "gpu.pcie.width (critical, phase 5) Every GPU runs at its full PCIe width" in ran.stdout
    assert "coverage: piqc " in ran.stdout


def test_catalogue_is_written_as_a_page_once(collections: Path, run: Run, tmp_path: Path) -> None:
    page = tmp_path / "catalogue.md"
    command = (BIN / "ansible-playbook", "muster.fleet.catalogue", "-i", "localhost,", "-e", f"catalogue_dest={page}")
    first, second = run(*command, cwd=tmp_path), run(*command, cwd=tmp_path)
    assert (first.returncode, second.returncode) == (0, 0), first.stdout + second.stdout
    assert "changed=1" in first.stdout
    assert "changed=0" in second.stdout
    assert "| `gpu.pcie.width` |" in page.read_text(encoding="utf-8")


def test_site_is_judged_once_and_beside_the_hosts(
    collections: Path, lab: Path, checkout: Path, run: Run, tmp_path: Path
) -> None:
    site = checkout / "inventories" / "lab-site"
    options = ("-i", lab, "--limit", "gpu-a01-01", "-e", f"report_site_dir={site}")
    ran = run(BIN / "ansible-playbook", "muster.fleet.verify", *options, cwd=tmp_path)
    assert ran.returncode == 0, ran.stdout[-2000:] + ran.stderr
    assert f"have evidence named in {site}" in ran.stdout
