// The panel that shows a source at its quote: beside the talk, or as a sheet on small screens.

import { callJson } from "./api.js";
import { showBlocks } from "./document-view.js";
import { byId, el } from "./dom.js";

let opener = null;
let newest = 0;

export function sourceAddress(place) {
  const id = encodeURIComponent(place.document_id);
  return { path: `/sources/${id}/${place.revision}`, query: `?start=${place.char_start}&end=${place.char_end}` };
}

export async function openSource(place, corpusVersion, button) {
  const turn = ++newest;
  markOpener(button);
  const { path, query } = sourceAddress(place);
  byId("source-title").textContent = place.filename;
  byId("source-place").textContent = placeInWords(place, corpusVersion);
  byId("source-full").href = path + query;
  byId("source-text").replaceChildren(el("p", { className: "place", textContent: "Opening…" }));
  byId("source").hidden = byId("veil").hidden = false;
  byId("source-title").focus({ preventScroll: true });
  try {
    const excerpt = await callJson("GET", `${path}/excerpt${query}`);
    if (turn === newest) show(excerpt);
  } catch (error) {
    if (turn === newest) byId("source-text").replaceChildren(el("p", { className: "problem", textContent: error.message }));
  }
}

export function closeSource() {
  if (byId("source").hidden) return false;
  newest += 1;
  byId("source").hidden = byId("veil").hidden = true;
  const back = opener;
  markOpener(null);
  back?.focus();
  return true;
}

// Cells or rows of a table, else the page; empty where the format has neither.
export function whereInSource(place) {
  return place.location ?? (place.page ? `page ${place.page}` : "");
}

export function placeInWords(place, corpusVersion) {
  const where = whereInSource(place);
  return [...(where ? [where] : []), `revision ${place.revision}`, ...(corpusVersion ? [corpusVersion] : [])].join(" · ");
}

function show(excerpt) {
  byId("source-text").lang = excerpt.language ?? "";
  const mark = showBlocks(byId("source-text"), excerpt);
  if (excerpt.title) byId("source-title").textContent = excerpt.title;
  if (excerpt.title) byId("source-place").textContent = `${excerpt.filename} · ${byId("source-place").textContent}`;
  mark?.scrollIntoView({ block: "center" });
}

function markOpener(button) {
  opener?.setAttribute("aria-expanded", "false");
  opener?.closest(".unit")?.classList.remove("lit");
  opener = button;
  opener?.setAttribute("aria-expanded", "true");
  opener?.closest(".unit")?.classList.add("lit");
}
