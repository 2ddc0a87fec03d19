// Background work, as it goes on.

import { callJson } from "./api.js";
import { byId } from "./dom.js";
import { jobRow, updateRow } from "./job-row.js";
import { nameOf, stateInWords } from "./job-words.js";

const POLL_MS = 2000;
const SHOWN = 100;
const LISTS = {
  attention: ["starved", "failed", "dead"],
  running: ["running"],
  waiting: ["queued", "waiting"],
};
const STATES = ["queued", "waiting", "running", "failed", "dead"];
const ADDRESS = `/v1/jobs?limit=${SHOWN}&${STATES.map((state) => `state=${state}`).join("&")}`;

const rights = byId("activity").dataset;
let timer = 0;
let generation = 0;

async function refresh() {
  clearTimeout(timer);
  const turn = ++generation;
  try {
    const listed = document.hidden ? null : await callJson("GET", ADDRESS);
    if (turn !== generation) return;
    if (listed) show(listed);
    if (listed) say("problem", "");
  } catch (error) {
    if (turn !== generation) return;
    say("problem", error.message);
  }
  timer = setTimeout(refresh, POLL_MS);
}

function show(listed) {
  const rows = new Map([...document.querySelectorAll(".job")].map((row) => [row.dataset.id, row]));
  for (const [id, states] of Object.entries(LISTS)) {
    const jobs = listed.data.filter((job) => states.includes(job.state));
    place(byId(id), jobs, rows);
    byId(id).closest("section").hidden = jobs.length === 0;
  }
  for (const row of rows.values()) row.remove();
  byId("none").hidden = listed.data.length > 0;
  say("more", listed.has_more ? `These are the newest ${SHOWN}; there are more.` : "");
}

function place(list, jobs, rows) {
  jobs.forEach((job, index) => {
    const row = rows.get(job.id) ?? jobRow(job, { onCancel: cancel, onRetry: retry });
    rows.delete(job.id);
    announceChange(row, job);
    updateRow(row, job, mayChange(job));
    if (list.children[index] !== row) list.insertBefore(row, list.children[index] ?? null);
  });
}

function mayChange(job) {
  return (job.kind === "prepare_revision" ? rights.mayUpload : rights.mayPublish) === "yes";
}

function announceChange(row, job) {
  const before = row.dataset.state;
  if (before && before !== job.state) byId("announcer").textContent = `${nameOf(job)}: ${stateInWords(job)[0]}`;
}

function cancel(row) {
  return change(row, "cancel", "cancelled");
}

function retry(row) {
  return change(row, "retry", "in the queue again");
}

async function change(row, verb, outcome) {
  const name = row.querySelector(".name").textContent;
  setDisabled(row, true);
  try {
    await callJson("POST", `/v1/jobs/${encodeURIComponent(row.dataset.id)}/${verb}`);
    byId("announcer").textContent = `${name}: ${outcome}`;
    await refresh();
  } catch (error) {
    say("problem", error.message);
  }
  setDisabled(row, false);
  keepFocus(row);
}

// A row that moved or went away took the focus with it.
function keepFocus(row) {
  if (document.activeElement !== document.body) return;
  (row.isConnected && row.querySelector("button:not([hidden])") || byId("main")).focus();
}

function setDisabled(row, isDisabled) {
  for (const button of row.querySelectorAll("button")) button.disabled = isDisabled;
}

function say(id, text) {
  byId(id).textContent = text;
  byId(id).hidden = !text;
}

document.addEventListener("visibilitychange", () => document.hidden || refresh());
refresh();
