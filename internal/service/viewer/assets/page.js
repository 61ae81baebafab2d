// The page of ptyx watch: one object.
import { Viewer } from "./viewer.js";

const root = document.getElementById("viewer");
root.addEventListener("state", (event) => { document.getElementById("state").textContent = event.detail; });
new Viewer(root, "", (path, options = {}) => fetch(path, { ...options, cache: "no-store" }));
