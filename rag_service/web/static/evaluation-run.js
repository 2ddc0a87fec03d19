// Follows a run that is not over: says how far it is, and loads the page again when it is.

import { callJson } from "./api.js";

const PAUSE_MS = 2000;

const place = document.getElementById("progress");
const address = `/v1/evals/${encodeURIComponent(place.dataset.run)}`;

async function look() {
  const run = await callJson("GET", address);
  if (run.state !== "queued" && run.state !== "running") {
    location.reload();
    return;
  }
  if (run.state === "running") place.textContent = `${run.done} of ${run.total} questions are done. This page follows it.`;
  setTimeout(follow, PAUSE_MS);
}

function follow() {
  look().catch(() => setTimeout(follow, PAUSE_MS * 5));
}

setTimeout(follow, PAUSE_MS);
