// Golden questions of a corpus: list, review, suggest, import.

import { apiHeaders, call, callJson, sent } from "./api.js";
import { byId } from "./dom.js";
import { openEditor } from "./golden-editor.js";
import { questionRow } from "./golden-row.js";

const PAGE = 50;
const MOST_REVIEWED = 100;
const SUGGESTED = 20;
const SEEDS = 2 ** 31;
const SHOWN_REFUSALS = 5;
const NONE = {
  proposed: "Nothing waits for review. Suggestions and imports can be reviewed here.",
  accepted: "No accepted questions yet. Add one, import a file, or accept a suggestion.",
  rejected: "No rejected questions.",
  "": "No golden questions yet. Add one, import a file, or let some be suggested.",
};

const address = `/v1/corpora/${encodeURIComponent(byId("golden").dataset.corpus)}/golden`;
const list = byId("questions");
let pages = 1;
let generation = 0;

async function start() {
  byId("filter").addEventListener("change", () => {
    pages = 1;
    attempt(refresh);
  });
  byId("add").addEventListener("click", () => openEditor(null, (body) => save("POST", address, body, "Added.")));
  byId("suggest").addEventListener("click", () => attempt(suggest));
  byId("file").addEventListener("change", () => attempt(importFile));
  byId("every").addEventListener("change", () => {
    for (const box of boxes()) box.checked = byId("every").checked;
    showSelection();
  });
  list.addEventListener("change", showSelection);
  byId("accept").addEventListener("click", () => attempt(() => reviewSelected("accept")));
  byId("reject").addEventListener("click", () => attempt(() => reviewSelected("reject")));
  byId("more").addEventListener("click", () => {
    pages += 1;
    attempt(refresh);
  });
  await attempt(async () => {
    const counts = await callJson("GET", `${address}/counts`);
    choose(counts.proposed ? "proposed" : "accepted");
    await refresh();
  });
}

async function attempt(action) {
  say("problem", "");
  try {
    await action();
  } catch (error) {
    say("problem", error.message);
  }
}

const state = () => document.querySelector('[name="state"]:checked')?.value ?? "";

function choose(value) {
  document.querySelector(`[name="state"][value="${value}"]`).checked = true;
}

async function refresh() {
  const turn = ++generation;
  const [counts, listed] = await Promise.all([callJson("GET", `${address}/counts`), listQuestions()]);
  if (turn !== generation) return;
  showCounts(counts);
  list.replaceChildren(...listed.questions.map((question) => questionRow(question, actions)));
  say("none", listed.questions.length ? "" : NONE[state()]);
  byId("more").hidden = !listed.hasMore;
  byId("review").hidden = boxes().length === 0;
  byId("every").checked = false;
  showSelection();
}

async function listQuestions() {
  const questions = [];
  let query = `?limit=${PAGE}${state() ? `&state=${state()}` : ""}`;
  for (let page = 0; page < pages; page += 1) {
    const listed = await callJson("GET", address + query);
    questions.push(...listed.data);
    if (!listed.has_more) return { questions, hasMore: false };
    query = `?limit=${PAGE}${state() ? `&state=${state()}` : ""}&after=${encodeURIComponent(listed.last_id)}`;
  }
  return { questions, hasMore: true };
}

function showCounts(counts) {
  const all = counts.proposed + counts.accepted + counts.rejected;
  for (const place of document.querySelectorAll("[data-count]")) {
    place.textContent = { ...counts, all }[place.dataset.count];
  }
  say("gate", counts.gate === "full" ? "" : counts.note);
}

const boxes = () => [...list.querySelectorAll('input[type="checkbox"]')];
const selected = () => boxes().filter((box) => box.checked).map((box) => box.value);

function showSelection() {
  const count = selected().length;
  for (const verdict of ["accept", "reject"]) byId(verdict).disabled = count === 0;
}

const actions = {
  edit: (question) => openEditor(question, (body) => change(question, body)),
  accept: (question) => attempt(() => review({ accept: [question.id] }, "Accepted.", question)),
  reject: (question) => attempt(() => review({ reject: [question.id] }, "Rejected.", question)),
  remove: (question) => confirmRemoval(question),
};

const addressOf = (question) => `${address}/${encodeURIComponent(question.id)}`;

async function save(method, place, body, outcome, question) {
  await call(method, place, { body });
  if (!question) choose("accepted");
  await done(outcome, question);
}

async function change(question, body) {
  try {
    await save("PATCH", addressOf(question), { ...body, edits: question.edits }, "Saved.", question);
  } catch (error) {
    if (error.status !== 409) throw error;
    // Behind the dialog, so that the question opens as it is now.
    await refresh();
    throw new Error(`${error.message} Copy what you wrote, cancel, and edit it as it is now.`);
  }
}

async function reviewSelected(verdict) {
  const ids = selected();
  for (let start = 0; start < ids.length; start += MOST_REVIEWED) {
    await call("POST", `${address}/review`, { body: { [verdict]: ids.slice(start, start + MOST_REVIEWED) } });
  }
  await done(`${ids.length} ${verdict}ed.`);
}

async function review(body, outcome, question) {
  await call("POST", `${address}/review`, { body });
  await done(outcome, question);
}

// Whoever works with the keyboard goes on where the question stood.
async function done(outcome, question) {
  const place = question ? [...list.children].findIndex((row) => row.dataset.id === question.id) : -1;
  await refresh();
  byId("outcome").textContent = outcome;
  if (place < 0) return;
  const row = list.children[Math.min(place, list.children.length - 1)];
  (row?.querySelector("button") ?? byId("add")).focus();
}

async function suggest() {
  byId("suggest").disabled = true;
  try {
    // Another number makes other questions.
    const seed = Math.floor(Math.random() * SEEDS);
    const made = await callJson("POST", `${address}/synthesise`, { body: { limit: SUGGESTED, seed } });
    choose("proposed");
    await done(made.added ? `${made.added} suggested from the documents.` : "Nothing new could be suggested from the documents.");
  } finally {
    byId("suggest").disabled = false;
  }
}

async function importFile() {
  const [file] = byId("file").files;
  if (!file) return;
  byId("file").value = "";
  const headers = apiHeaders({ "content-type": "application/x-ndjson" });
  const grown = await (await sent(`${address}/import`, { method: "POST", headers, body: file })).json();
  choose("accepted");
  await done(`${grown.added} imported, ${grown.duplicates} there already, ${grown.refused.length} refused.`);
  if (grown.refused.length) say("problem", grown.refused.slice(0, SHOWN_REFUSALS).map(inWords).join("\n"));
}

const inWords = (refused) => `Line ${refused.line}: ${refused.message}`;

function confirmRemoval(question) {
  const dialog = byId("confirm");
  byId("confirm-name").textContent = question.question;
  dialog.returnValue = "no";
  dialog.onclose = () => dialog.returnValue === "yes" && attempt(() => remove(question));
  dialog.showModal();
}

async function remove(question) {
  await call("DELETE", addressOf(question));
  await done("Removed.", question);
}

function say(id, text) {
  byId(id).textContent = text;
  byId(id).hidden = !text;
}

start();
