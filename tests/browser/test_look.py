# Copyright (c) 2026 the muster.fleet authors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""How the page looks: contrast as the browser computes it, no sideways scrolling, on paper, and pictures to look at."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import expect

from .conftest import Open

# Every text with its colour and the colours behind it, blended as they are drawn; gradients give all their stops.
CONTRASTS = """() => {
  const dot = Object.assign(document.createElement('canvas'), {width: 1, height: 1});
  const context = dot.getContext('2d', {willReadFrequently: true});
  const rgba = (colour) => {
    context.clearRect(0, 0, 1, 1);
    context.fillStyle = colour;
    context.fillRect(0, 0, 1, 1);
    const [red, green, blue, alpha] = context.getImageData(0, 0, 1, 1).data;
    return [red, green, blue, alpha / 255];
  };
  const over = (top, below) => [0, 1, 2].map((part) => top[part] * top[3] + below[part] * (1 - top[3])).concat(1);
  const grounds = (element) => {
    const layers = [];
    for (let at = element; at; at = at.parentElement) {
      const style = getComputedStyle(at);
      const stops = style.backgroundImage.match(/(?:rgba?|color|oklab|oklch)\\([^()]*\\)/g) || [];
      const here = style.backgroundImage.includes('gradient') ? stops : [style.backgroundColor];
      layers.push(here.map(rgba).filter((colour) => colour[3] > 0));
    }
    let found = [[255, 255, 255, 1]];
    for (const layer of layers.reverse()) {
      if (layer.length) found = layer.flatMap((colour) => found.map((below) => over(colour, below)));
    }
    return found;
  };
  const light = (colour) => colour.slice(0, 3).map((part) => part / 255)
    .map((part) => part <= 0.03928 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4)
    .reduce((sum, part, index) => sum + part * [0.2126, 0.7152, 0.0722][index], 0);
  const seen = new Map();
  for (const element of document.querySelectorAll('body *')) {
    const says = [...element.childNodes].filter((node) => node.nodeType === 3).map((node) => node.data.trim()).join('');
    const drawn = element.checkVisibility({visibilityProperty: true}) && !element.closest('option, script, style');
    if (!says || !drawn) continue;
    const style = getComputedStyle(element);
    const size = parseFloat(style.fontSize);
    const large = size >= 24 || (size >= 18.66 && Number(style.fontWeight) >= 700);
    for (const ground of grounds(element)) {
      const [one, other] = [light(over(rgba(style.color), ground)), light(ground)].sort((a, b) => b - a);
      const ratio = (one + 0.05) / (other + 0.05);
      const key = `${element.tagName}.${element.className} ${style.color} on ${ground.map(Math.round)}`;
      seen.set(key, [ratio, large ? 3 : 4.5, says.slice(0, 40)]);
    }
  }
  return [...seen].map(([key, found]) => [key, ...found]);
}"""


@pytest.mark.parametrize("media", ["screen", "print"])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_every_text_can_be_read(text: str, opened: Open, scheme: Any, media: Any) -> None:
    """WCAG 2.2 AA, as drawn: 4.5 to 1, or 3 to 1 for large text."""
    page = opened(text, color_scheme=scheme).page
    page.locator("[data-open='1']").click()
    page.emulate_media(media=media, color_scheme=scheme)
    found = page.evaluate(CONTRASTS)
    assert len(found) > 50, "too few texts were looked at to say anything"
    assert [entry for entry in found if entry[1] < entry[2]] == []


def test_the_measure_finds_what_cannot_be_read(opened: Open) -> None:
    page = opened("<body style='background:#fff'><p style='color:#999'>pale</p><p style='color:#000'>dark</p>").page
    found = {entry[3]: entry[1] for entry in page.evaluate(CONTRASTS)}
    assert found == {"pale": pytest.approx(2.85, abs=0.01), "dark": pytest.approx(21)}


def test_light_and_dark_differ(text: str, opened: Open) -> None:
    grounds = {
        scheme: opened(text, color_scheme=scheme).page.evaluate("() => getComputedStyle(document.body).backgroundColor")
        for scheme in ("light", "dark")
    }
    assert grounds == {"light": "rgb(250, 250, 248)", "dark": "rgb(17, 19, 22)"}


@pytest.mark.parametrize("width", [320, 390, 768, 1024, 1280, 1920])
def test_nothing_has_to_be_scrolled_sideways(text: str, opened: Open, width: int) -> None:
    page = opened(text, width).page
    page.locator("[data-open='1']").click()
    assert page.evaluate("() => document.documentElement.scrollWidth") <= width


class TestOnPaper:
    """Printed, the page has no controls, and says what is wrong without being opened."""

    def test_controls_are_left_out_and_findings_are_open(self, text: str, run: dict[str, Any], opened: Open) -> None:
        page = opened(text).page
        page.emulate_media(media="print")
        for control in ("#filter", ".jump", ".open-all"):
            expect(page.locator(control)).to_be_hidden()
        for name, host in run["hosts"].items():
            if any(row["status"] == "fail" for row in host["results"]):
                expect(page.locator(f"#host-{name} tr.s-fail").first).to_be_visible()

    def test_it_fits_the_sheet(self, text: str, opened: Open, shots: Path) -> None:
        page = opened(text).page
        page.emulate_media(media="print")
        sheet = 794 - 2 * 45  # A4 at 96 dots per inch, less the margins
        page.set_viewport_size({"width": sheet, "height": 1000})
        assert page.evaluate("() => document.documentElement.scrollWidth") <= sheet
        made = page.pdf(path=str(shots / "print.pdf"), format="A4", prefer_css_page_size=False, margin={
            "top": "13mm", "bottom": "15mm", "left": "12mm", "right": "12mm"})  # fmt: skip
        pages = made.count(b"/Type /Page\n") + made.count(b"/Type /Page ")
        assert made.startswith(b"%PDF")
        assert 1 <= pages <= 12, f"{pages} sheets for twelve hosts"


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize(("name", "width"), [("desk", 1280), ("phone", 390)])
def test_pictures_are_left_to_be_looked_at(
    text: str, opened: Open, shots: Path, scheme: Any, name: str, width: int
) -> None:
    page = opened(text, width, color_scheme=scheme).page
    page.goto(f"{page.url}#host-gpu-a01-04")
    expect(page.locator("#host-gpu-a01-04 .rows")).to_be_visible()
    path = shots / f"{name}-{scheme}.png"
    page.screenshot(path=str(path), full_page=True)
    assert path.stat().st_size > 20_000
