// What the page can do beyond what it says: filter, map readout, lists of passed checks. It reads well without.
"use strict";
(() => {
  const all = (selector, root = document) => [...root.querySelectorAll(selector)];
  const byId = (id) => document.getElementById(id);
  const columns = JSON.parse(byId("columns").textContent);
  const WORDS = { p: "pass", f: "fail", u: "unknown", w: "waived", n: "not applicable", "-": "not judged" };
  const hosts = all("details.host");

  // The cells of a host, from "12p1f3u".
  const cells = (svg) => svg.dataset.c.replace(/(\d+)(.)/g, (_, count, code) => code.repeat(Number(count)));
  const mapOf = (id) => byId("cells").querySelector(`.line[data-host="${CSS.escape(id)}"] [data-c]`);

  // Filter
  const form = byId("filter");
  const texts = new Map();
  const textOf = (element) => {
    if (!texts.has(element)) texts.set(element, element.textContent.toLowerCase());
    return texts.get(element);
  };
  const has = (list, word) => !word || (list || "").split(" ").includes(word);
  const filter = () => {
    const want = Object.fromEntries(new FormData(form));
    const words = want.text.toLowerCase().split(/\s+/).filter(Boolean);
    const says = (element) => words.every((word) => textOf(element).includes(word));
    const fits = (element) => has(element.dataset.severity, want.severity) && has(element.dataset.status, want.status);
    const shown = new Set();
    const placed = new Set();
    for (const host of hosts) {
      const { rack, verdict } = host.dataset;
      const place = (!want.rack || rack === want.rack) && (!want.class || host.dataset.class === want.class) && (!want.verdict || verdict === want.verdict);
      if (place) placed.add(host.id);
      const visible = place && fits(host) && says(host);
      host.hidden = !visible;
      if (visible) shown.add(host.id);
      for (const row of host.querySelectorAll("tr[data-severity]")) row.hidden = !fits(row);
    }
    for (const mark of all("[data-host]")) mark.classList.toggle("off", !shown.has(mark.dataset.host));
    const narrowed = want.rack || want.class || want.verdict;
    for (const entry of all(".entry")) {
      const on = entry.dataset.hosts.split(" ").some((id) => placed.has(id));
      entry.hidden = !(fits(entry) && says(entry) && (on || !narrowed));
    }
    form.querySelector("output").value = shown.size === hosts.length ? "" : `${shown.size} of ${hosts.length} hosts`;
    document.querySelector(".empty").hidden = shown.size > 0 || hosts.length === 0;
  };
  form.hidden = hosts.length === 0;
  form.addEventListener("input", filter);
  form.addEventListener("submit", (event) => event.preventDefault());
  form.addEventListener("reset", () => setTimeout(filter));

  // A link to a host opens it; printing opens every host that has something to say.
  const open = () => {
    const target = location.hash && byId(decodeURIComponent(location.hash.slice(1)));
    if (target && target.matches("details.host")) { target.hidden = false; target.open = true; target.scrollIntoView(); }
  };
  addEventListener("hashchange", open);
  document.addEventListener("click", (event) => { if (event.target.closest('a[href^="#"]')) setTimeout(open); });
  open();
  addEventListener("beforeprint", () => hosts.forEach((host) => { if (host.dataset.verdict !== "ready") host.open = true; }));
  document.querySelector(".open-all").hidden = hosts.length === 0;
  for (const button of all("[data-open]")) {
    button.addEventListener("click", () => hosts.forEach((host) => { host.open = Boolean(button.dataset.open) && !host.hidden; }));
  }

  // The checks behind "96 checks passed", listed when asked for.
  for (const list of all("[data-list]")) {
    list.addEventListener("toggle", () => {
      const svg = mapOf(list.closest("details.host").id);
      if (!list.open || !svg || list.dataset.done) return;
      list.dataset.done = "1";
      const codes = cells(svg);
      for (const [index, [id, title]] of columns.entries()) {
        if (codes[index] === list.dataset.list) {
          const item = document.createElement("li");
          item.textContent = title || id;
          list.querySelector("ul").append(item);
        }
      }
    });
  }

  // The map under the pointer or the arrow keys
  const map = byId("cells");
  const readout = byId("readout");
  const lines = all(".line[data-host]", map);
  const width = Number(map.dataset.width);
  let at = { line: -1, column: 0 };
  const tell = (line, column) => {
    const svg = lines[line] && lines[line].querySelector("[data-c]");
    if (!svg || !columns[column]) return;
    const [id, title] = columns[column];
    readout.textContent = `${lines[line].querySelector("a").textContent.trim()} · ${WORDS[cells(svg)[column]]} · ${title || id} (${id})`;
  };
  const columnAt = (event, svg) => {
    const box = svg.getBoundingClientRect();
    const x = ((event.clientX - box.left) / box.width) * width;
    return columns.findIndex((column) => x >= column[2] && x < column[2] + 10);
  };
  map.addEventListener("pointermove", (event) => {
    const svg = event.target.closest("[data-c]");
    if (svg) tell(lines.indexOf(svg.closest(".line")), columnAt(event, svg));
  });
  map.addEventListener("click", (event) => {
    const svg = event.target.closest("[data-c]");
    if (svg) location.hash = svg.closest(".line").dataset.host;
  });
  map.parentElement.addEventListener("keydown", (event) => {
    const step = { ArrowLeft: [0, -1], ArrowRight: [0, 1], ArrowUp: [-1, 0], ArrowDown: [1, 0] }[event.key];
    if (event.target !== map.parentElement || !lines.length) return;
    if (event.key === "Enter" && at.line >= 0) location.hash = lines[at.line].dataset.host;
    if (!step) return;
    event.preventDefault();
    const within = (value, count) => Math.min(Math.max(value, 0), count - 1);
    at = { line: within(at.line + step[0], lines.length), column: within(at.column + step[1], columns.length) };
    all(".cursor", map).forEach((line) => line.classList.remove("cursor"));
    lines[at.line].classList.add("cursor");
    lines[at.line].scrollIntoView({ block: "nearest" });
    tell(at.line, at.column);
  });
})();
