"use strict";
// The list of scans comes as server-sent events, read by fetch, because an EventSource cannot bear a token. The token stays in this page.
const $ = (id) => document.getElementById(id);
const pictures = ["amplitude", "phase", "coverage"];
const shown = {}; // version of each picture that is shown, by its name
let token = "";
let scans = [];
let chosen = null;
let drawing = false;

function request(path, options = {}) {
  const headers = token ? { Authorization: "Bearer " + token } : {};
  return fetch(path, { ...options, headers, cache: "no-store" });
}

function state(text) {
  $("state").textContent = text;
}

// follow reads events for as long as there are any, and begins again when the connection was lost.
async function follow() {
  for (;;) {
    try {
      const answer = await request("v1/events");
      if (answer.status === 401) {
        state(token ? "this token is not the server's" : "this server asks for a token");
        $("ask").hidden = false;
        return;
      }
      if (!answer.ok) {
        throw new Error("status " + answer.status);
      }
      $("ask").hidden = true;
      state("live");
      await read(answer.body);
      state("the server has ended the connection; trying again");
    } catch (error) {
      state("no connection; trying again");
    }
    await new Promise((resolve) => setTimeout(resolve, 2000));
  }
}

async function read(body) {
  const reader = body.pipeThrough(new TextDecoderStream()).getReader();
  let text = "";
  for (;;) {
    const { done, value } = await reader.read();
    if (done) {
      return;
    }
    text += value;
    for (let end = text.indexOf("\n\n"); end >= 0; end = text.indexOf("\n\n")) {
      const data = text.slice(0, end).split("\n").find((line) => line.startsWith("data: "));
      text = text.slice(end + 2);
      if (data) {
        scans = JSON.parse(data.slice(6)).scans;
        show();
      }
    }
  }
}

function show() {
  if (!scans.some((scan) => scan.id === chosen)) {
    choose(scans.length ? scans[scans.length - 1].id : null);
  }
  $("none").hidden = scans.length > 0;
  $("list").replaceChildren(...scans.map(entry));
  const scan = scans.find((s) => s.id === chosen);
  $("scan").hidden = !scan;
  if (scan) {
    detail(scan);
    draw();
  }
}

function choose(id) {
  chosen = id;
  for (const name of pictures) {
    delete shown[name];
    const image = $(name);
    if (image.src) {
      URL.revokeObjectURL(image.src);
      image.removeAttribute("src");
    }
  }
}

function entry(scan) {
  const item = document.createElement("li");
  const button = document.createElement("button");
  const small = document.createElement("small");
  button.textContent = scan.name || scan.id;
  button.setAttribute("aria-current", String(scan.id === chosen));
  small.textContent = `${scan.state}, ${scan.frames} frames`;
  button.append(small);
  button.addEventListener("click", () => { choose(scan.id); show(); });
  item.append(button);
  return item;
}

function detail(scan) {
  const facts = { state: scan.state, frames: scan.frames, repeated: scan.repeated, model: scan.model };
  if (scan.extent) {
    facts["pixels (rows x columns)"] = `${scan.extent.height} x ${scan.extent.width}`;
    if (scan.pixel_size_nm) {
      const micrometres = (pixels) => (pixels * scan.pixel_size_nm / 1000).toPrecision(3);
      facts["micrometres"] = `${micrometres(scan.extent.height)} x ${micrometres(scan.extent.width)}`;
    }
  }
  if (scan.refine) {
    facts["passes of the solver"] = scan.refine;
  }
  if (scan.error) {
    facts.error = scan.error;
  }
  $("title").textContent = scan.name || scan.id;
  $("facts").replaceChildren(...Object.entries(facts).map(([name, value]) => {
    const pair = document.createElement("div");
    const term = document.createElement("dt");
    const text = document.createElement("dd");
    term.textContent = name;
    text.textContent = value;
    pair.append(term, text);
    return pair;
  }));
}

// draw brings the pictures up to date, one request at a time: while the server draws, newer versions are passed over.
async function draw() {
  if (drawing) {
    return;
  }
  drawing = true;
  try {
    for (let stale = next(); stale; stale = next()) {
      const { scan, name } = stale;
      const answer = await request(`v1/scans/${scan.id}/${name}.png?view=plain`);
      if (!answer.ok) {
        break;
      }
      const picture = await answer.blob();
      if (scan.id !== chosen) {
        continue;
      }
      const image = $(name);
      const old = image.src;
      image.src = URL.createObjectURL(picture);
      if (old) {
        URL.revokeObjectURL(old);
      }
      shown[name] = scan.version;
    }
  } catch (error) {
    state("a picture did not come");
  }
  drawing = false;
}

function next() {
  const scan = scans.find((s) => s.id === chosen);
  const name = scan && scan.frames > 0 && scan.state !== "returning" && pictures.find((p) => (shown[p] || 0) < scan.version);
  return name ? { scan, name } : null;
}

$("ask").addEventListener("submit", (event) => {
  event.preventDefault();
  token = $("token").value.trim();
  follow();
});
follow();
