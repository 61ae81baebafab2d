// The page's view of one object that grows: it opens the stream, and shows what comes.
import { Comparison } from "./comparison.js";
import { Pane } from "./pane.js";
import { Profile } from "./profile.js";
import { decodePatterns, decodeTile, messages } from "./protocol.js";
import { Tiles } from "./tiles.js";
import { text, unitOf } from "./units.js";
import { Viewport } from "./viewport.js";

const quantities = [
  { quantity: "amplitude", title: "amplitude" },
  { quantity: "phase", title: "phase", unit: "rad" },
  { quantity: "coverage", title: "coverage", unit: "patches" },
];
const viewPause = 120; // least time between two reports of the view, in ms
const adaptPause = 400; // between two choices of the colours
const downloads = [["object.npz", "Object (NPZ)"], ["amplitude.png", "Amplitude (PNG)"], ["phase.png", "Phase (PNG)"]];

export class Viewer {
  // root is an element; base the address of the object, with a slash; request a fetch that adds what the server needs.
  constructor(root, base, request) {
    Object.assign(this, { root, base, request, state: null, ended: false, abort: new AbortController() });
    this.tiles = new Tiles();
    this.viewport = new Viewport(() => this.viewChanged());
    this.build();
    this.follow();
  }

  build() {
    const make = (tag, name) => Object.assign(document.createElement(tag), { className: name });
    this.tools = make("div", "tools");
    this.tools.setAttribute("role", "toolbar");
    this.tools.setAttribute("aria-label", "View of the object");
    this.line = button("Line profile", "Draw a line profile between two clicks", () => this.toggleLine());
    this.line.setAttribute("aria-pressed", "false");
    this.readout = make("output", "readout");
    this.readout.setAttribute("aria-live", "off");
    this.tools.append(
      button("Fit", "Show the complete object", () => this.viewport.fit()),
      button("+", "Zoom in", () => this.viewport.zoom(1.5)),
      button("−", "Zoom out", () => this.viewport.zoom(1 / 1.5)),
      this.line,
      ...downloads.map(([file, name]) => button(name, `Download ${file}`, () => this.download(file))),
      this.readout,
    );
    this.panes = quantities.map((q) => new Pane(q, this.tiles, this.viewport, () => this.redraw()));
    const panes = make("div", "panes");
    panes.append(...this.panes.map((p) => p.element));
    const profile = make("div", "profile"), comparison = make("div", "comparison");
    this.profile = new Profile(profile, this.tiles);
    this.comparison = new Comparison(comparison);
    this.facts = make("dl", "facts");
    this.note = make("p", "note");
    this.note.textContent = "The solver has refined the object up to the orange line.";
    this.note.hidden = true;
    this.root.replaceChildren(this.facts, this.tools, panes, this.note, profile, comparison);
    for (const pane of this.panes) {
      this.viewport.listen(pane.canvas, (p) => this.clicked(p), (p) => this.hovered(p));
    }
    this.observer = new ResizeObserver(() => this.measure());
    this.observer.observe(this.panes[0].canvas);
  }

  // close ends the stream, when another object is shown.
  close() {
    this.ended = true;
    this.abort.abort();
    this.observer.disconnect();
  }

  // follow reads the stream, and opens it again when the connection was lost.
  async follow() {
    while (!this.ended) {
      try {
        const answer = await this.request(this.base + "stream", { signal: this.abort.signal });
        if (!answer.ok) {
          throw new Error(`status ${answer.status}`);
        }
        this.tiles.clear();
        this.reported = null;
        for await (const [kind, content] of messages(answer.body)) {
          this.take(kind, content);
        }
      } catch (error) {
        if (this.ended) {
          return;
        }
      }
      if (this.state && this.state.state === "ended") {
        return;
      }
      this.say("no connection; trying again");
      await new Promise((resolve) => setTimeout(resolve, 1500));
    }
  }

  say(message) {
    this.root.dispatchEvent(new CustomEvent("state", { detail: message, bubbles: true }));
  }

  take(kind, content) {
    if (kind === "s") {
      this.setState(JSON.parse(new TextDecoder().decode(content)));
    } else if (kind === "t") {
      const tile = decodeTile(content);
      this.tiles.put(tile);
      this.note.hidden &&= !tile.refined;
      this.adaptSoon();
      this.redraw();
    } else if (kind === "p") {
      this.comparison.put(decodePatterns(content));
    }
  }

  setState(state) {
    this.state = state;
    this.tiles.plane = { perRow: state.per_row, perCol: state.per_col, level: state.level };
    this.tiles.even = state.even;
    this.panes.forEach((p) => p.recolour());
    this.adaptSoon(); // which pixels are determined, and their phases, depend on the state
    this.measure();
    this.report();
    this.showFacts();
    this.note.hidden ||= state.state === "ended";
    this.say(state.state);
    this.redraw();
  }

  // measure tells the viewport the sizes of the object and of the panes.
  measure() {
    const canvas = this.panes[0].canvas;
    if (this.state && canvas.clientWidth > 0) {
      this.viewport.update(this.state, canvas.clientWidth, canvas.clientHeight);
    }
  }

  showFacts() {
    const s = this.state, facts = [["frames", String(s.frames)]];
    if (s.height > 0) {
      facts.push(["object (rows × columns)", `${s.height} × ${s.width}`]);
      if (s.pixel_nm > 0) {
        const unit = unitOf(Math.max(s.height, s.width), s.pixel_nm);
        facts.push([`object (${unit.name})`, `${text(round(s.height * unit.perPixel))} × ${text(round(s.width * unit.perPixel))}`]);
        facts.push(["pixel", `${text(s.pixel_nm)} nm`]);
      }
    }
    if (s.rates) {
      facts.push(["arriving", `${text(s.rates.arriving)} /s`], ["computed", `${text(s.rates.computed)} /s`],
        ["waiting", String(s.rates.waiting)], ["lost", String(s.rates.lost)]);
    }
    facts.push(...(s.facts || []).map((f) => [f.name, f.value]));
    if (s.missing) {
      facts.push(["ids missing", s.missing]);
    }
    this.facts.replaceChildren(...facts.map(([name, value]) => {
      const pair = document.createElement("div"), term = document.createElement("dt"), detail = document.createElement("dd");
      term.textContent = name;
      detail.textContent = value;
      pair.append(term, detail);
      return pair;
    }));
  }

  viewChanged() {
    this.tiles.choose(this.viewport.level());
    this.adaptSoon();
    this.redraw();
    clearTimeout(this.reporting);
    this.reporting = setTimeout(() => this.report(), viewPause);
  }

  // report tells the server which part is shown, if it has changed.
  async report() {
    if (!this.state || !(this.state.height > 0) || this.viewport.width <= 1) {
      return;
    }
    const view = JSON.stringify({ stream: this.state.stream, level: this.viewport.level(), ...this.viewport.box() });
    if (view === this.reported) {
      return;
    }
    this.reported = view;
    try {
      await this.request(this.base + "view", { method: "POST", body: view, headers: { "Content-Type": "application/json" } });
    } catch (error) {
      this.reported = null; // the stream notices, too
    }
  }

  adaptSoon() {
    this.adapting ||= setTimeout(() => {
      this.adapting = null;
      this.panes.forEach((p) => p.adapt());
      this.redraw();
    }, this.adapted ? adaptPause : 0);
    this.adapted = true;
  }

  redraw() {
    this.drawing ||= requestAnimationFrame(() => {
      this.drawing = null;
      const pixelNM = this.state ? this.state.pixel_nm : 0;
      this.panes.forEach((p) => p.draw(pixelNM, this.profile.ends));
      this.profile.draw(pixelNM);
    });
  }

  toggleLine() {
    const on = this.line.getAttribute("aria-pressed") !== "true";
    this.line.setAttribute("aria-pressed", String(on));
    if (!on) {
      this.profile.clear();
    }
    this.redraw();
  }

  clicked(point) {
    if (this.line.getAttribute("aria-pressed") === "true") {
      this.profile.click(point);
      this.redraw();
    }
  }

  hovered(point) {
    if (!point) {
      this.readout.textContent = "";
      return;
    }
    const value = (q) => text(this.tiles.at(q, point.row, point.col));
    this.readout.textContent = `row ${Math.floor(point.row)}, column ${Math.floor(point.col)}: amplitude ${value("amplitude")}, ` +
      `phase ${value("phase")} rad`;
  }

  async download(file) {
    try {
      const answer = await this.request(this.base + file);
      if (!answer.ok) {
        throw new Error(await reason(answer));
      }
      const link = document.createElement("a");
      link.href = URL.createObjectURL(await answer.blob());
      link.download = file;
      link.click();
      setTimeout(() => URL.revokeObjectURL(link.href), 10000);
    } catch (error) {
      this.say(`${file} did not come: ${error.message}`);
    }
  }
}

function button(label, name, act) {
  const b = document.createElement("button");
  b.type = "button";
  b.textContent = label;
  b.title = name;
  if (label.length < 2) {
    b.setAttribute("aria-label", name);
  }
  b.addEventListener("click", act);
  return b;
}

// reason is the sentence of a refusal, which is text, or JSON with an error.
async function reason(answer) {
  const body = (await answer.text()).trim();
  try {
    return JSON.parse(body).error || body;
  } catch (error) {
    return body;
  }
}

// round keeps three digits.
function round(v) {
  return Number(v.toPrecision(3));
}
