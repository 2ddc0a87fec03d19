// One corpus: upload, watch, remove.

import { call, callJson } from "./api.js";
import { byId, el } from "./dom.js";
import { fileRow, updateRow } from "./file-row.js";
import { upload } from "./upload.js";
import { sizeInWords } from "./words.js";

const BUSY_POLL_MS = 1000;
const IDLE_POLL_MS = 10000;
const PAGE = 100;

const corpus = byId("corpus").dataset;
const address = `/v1/vector_stores/${encodeURIComponent(corpus.id)}`;
let pages = 1;
let timer = 0;
let generation = 0;

function start() {
  const drop = byId("drop");
  const files = byId("files");
  files?.addEventListener("change", () => sendChosen(files));
  // Whoever is quicker than this script has chosen already, and no event will tell.
  if (files?.files.length) sendChosen(files);
  drop?.addEventListener("dragover", (event) => {
    event.preventDefault();
    drop.classList.add("over");
  });
  drop?.addEventListener("dragleave", () => drop.classList.remove("over"));
  drop?.addEventListener("drop", (event) => {
    event.preventDefault();
    drop.classList.remove("over");
    send([...event.dataTransfer.files]);
  });
  byId("more").addEventListener("click", () => {
    pages += 1;
    refresh();
  });
  refresh();
}

function sendChosen(input) {
  send([...input.files]);
  input.value = "";
}

async function send(files) {
  const rows = files.map((file) => [file, uploadRow(file)]);
  for (const [file, row] of rows) await sendOne(file, row);
}

function uploadRow(file) {
  const name = el("span", { className: "name", textContent: file.name });
  const state = el("span", { className: "badge busy", textContent: "Waiting" });
  const bar = el("progress", { max: 1, value: 0, ariaLabel: `Upload of ${file.name}` });
  const row = el("li", { className: "file" }, [name, state, bar]);
  byId("uploads").append(row);
  return row;
}

async function sendOne(file, row) {
  const bar = row.querySelector("progress");
  row.querySelector(".badge").textContent = "Uploading";
  try {
    if (file.size > Number(corpus.maxBytes)) throw new Error(tooLarge());
    await upload(corpus.id, file, (share) => { bar.value = share; });
    row.remove();
  } catch (error) {
    uploadFailed(row, file, error);
  }
  await refresh();
}

function tooLarge() {
  return `The file is larger than ${sizeInWords(Number(corpus.maxBytes))}. Split it and upload the parts.`;
}

function uploadFailed(row, file, error) {
  const badge = row.querySelector(".badge");
  badge.className = "badge bad";
  badge.textContent = "Not uploaded";
  row.querySelector("progress").remove();
  const again = el("button", { type: "button", className: "quiet", textContent: "Try again" });
  again.addEventListener("click", () => {
    row.remove();
    send([file]);
  });
  row.append(again, el("p", { className: "advice", textContent: error.message }));
}

async function refresh() {
  clearTimeout(timer);
  const turn = ++generation;
  try {
    const [store, listed] = await Promise.all([callJson("GET", address), listFiles()]);
    if (turn !== generation) return;
    showCorpus(store);
    showFiles(listed.files);
    byId("more").hidden = !listed.hasMore;
    byId("problem").hidden = true;
    timer = setTimeout(refresh, store.file_counts.in_progress ? BUSY_POLL_MS : IDLE_POLL_MS);
  } catch (error) {
    if (turn !== generation) return;
    byId("problem").textContent = error.message;
    byId("problem").hidden = false;
    timer = setTimeout(refresh, IDLE_POLL_MS);
  }
}

async function listFiles() {
  const files = [];
  let after = "";
  for (let page = 0; page < pages; page += 1) {
    const listed = await callJson("GET", `${address}/files?limit=${PAGE}${after}`);
    files.push(...listed.data);
    if (!listed.has_more) return { files, hasMore: false };
    after = `&after=${encodeURIComponent(listed.last_id)}`;
  }
  return { files, hasMore: true };
}

function showCorpus(store) {
  const counts = store.file_counts;
  const published = store.version ?? store.published;
  if (published) byId("version").textContent = `Version ${published}`;
  const words = [`${counts.completed} ready`];
  if (counts.in_progress) words.push(`${counts.in_progress} in progress`);
  if (counts.failed) words.push(`${counts.failed} failed`);
  const text = ` · ${words.join(" · ")}`;
  if (byId("counts").textContent !== text) byId("counts").textContent = text;
}

function showFiles(files) {
  const list = byId("documents");
  const rows = new Map([...list.children].map((row) => [row.dataset.id, row]));
  files.forEach((file, index) => {
    const row = rows.get(file.id) ?? fileRow(file, corpus.mayUpload === "yes" ? confirmRemoval : null);
    announceChange(row, file);
    updateRow(row, file);
    rows.delete(file.id);
    if (list.children[index] !== row) list.insertBefore(row, list.children[index] ?? null);
  });
  for (const row of rows.values()) row.remove();
  byId("none").hidden = files.length > 0;
}

function announceChange(row, file) {
  if (row.dataset.status === file.status) return;
  const name = row.querySelector(".name").textContent;
  if (file.status !== "in_progress") byId("announcer").textContent = `${name}: ${file.status === "failed" ? "failed" : "ready"}`;
}

function confirmRemoval(row, name) {
  const dialog = byId("confirm");
  byId("confirm-name").textContent = name;
  dialog.returnValue = "no";
  dialog.onclose = () => dialog.returnValue === "yes" && remove(row);
  dialog.showModal();
}

async function remove(row) {
  try {
    await call("DELETE", `${address}/files/${encodeURIComponent(row.dataset.id)}`);
    row.querySelector("button").disabled = true;
    await refresh();
  } catch (error) {
    byId("problem").textContent = error.message;
    byId("problem").hidden = false;
  }
}

start();
