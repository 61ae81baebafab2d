// The page of ptyx serve: the list of scans, and the object of the chosen one.
// The list comes as server-sent events, read by fetch, because an EventSource cannot send a token. Only this page
// keeps the token.
import { Viewer } from "./view/viewer.js";

const $ = (id) => document.getElementById(id);
let token = "";
let scans = [];
let chosen = null; // id
let viewer = null; // of the chosen scan

function request(path, options = {}) {
  const headers = { ...options.headers, ...(token ? { Authorization: "Bearer " + token } : {}) };
  return fetch(path, { ...options, headers, cache: "no-store" });
}

function say(text) {
  $("state").textContent = text;
}

// follow reads events while the server sends them, and connects again when the connection was lost.
async function follow() {
  for (;;) {
    try {
      const answer = await request("v1/events");
      if (answer.status === 401) {
        say(token ? "this token is not the server's" : "this server asks for a token");
        $("ask").hidden = false;
        return;
      }
      if (!answer.ok) {
        throw new Error("status " + answer.status);
      }
      $("ask").hidden = true;
      say("live");
      await read(answer.body);
      say("the server has ended the connection; trying again");
    } catch (error) {
      say("no connection; trying again");
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
  const focused = document.activeElement && document.activeElement.dataset.scan;
  $("list").replaceChildren(...scans.map(entry));
  if (focused) {
    document.querySelector(`[data-scan="${focused}"]`)?.focus();
  }
}

// choose shows the object of a scan; null: of none.
function choose(id) {
  if (viewer) {
    viewer.close();
  }
  chosen = id;
  const scan = scans.find((s) => s.id === id);
  $("scan").hidden = !scan;
  $("title").textContent = scan ? scan.name || scan.id : "";
  $("scan-state").textContent = "";
  viewer = scan ? new Viewer($("viewer"), `v1/scans/${scan.id}/`, request) : null;
}

function entry(scan) {
  const item = document.createElement("li");
  const button = document.createElement("button");
  const small = document.createElement("small");
  button.dataset.scan = scan.id;
  button.textContent = scan.name || scan.id;
  button.setAttribute("aria-current", String(scan.id === chosen));
  small.textContent = `${scan.state}, ${scan.frames} frames`;
  button.append(small);
  button.addEventListener("click", () => {
    if (scan.id !== chosen) {
      choose(scan.id);
      show();
    }
  });
  item.append(button);
  return item;
}

$("viewer").addEventListener("state", (event) => { $("scan-state").textContent = event.detail; });
$("ask").addEventListener("submit", (event) => {
  event.preventDefault();
  token = $("token").value.trim();
  follow();
});
follow();
