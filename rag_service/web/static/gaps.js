// Content gaps of a corpus: found anew whenever the page or another window is asked for.

import { callJson } from "./api.js";
import { byId, el } from "./dom.js";
import { askedOf, gapRow } from "./gap-row.js";

const corpus = encodeURIComponent(byId("gaps").dataset.corpus);
let generation = 0;

async function refresh() {
  const turn = ++generation;
  say("problem", "");
  byId("outcome").textContent = "Looking through the questions …";
  byId("gaps").ariaBusy = "true";
  try {
    const found = await callJson("GET", `/v1/corpora/${corpus}/gaps?days=${byId("days").value}`);
    if (turn === generation) show(found);
  } catch (error) {
    if (turn !== generation) return;
    byId("outcome").textContent = "";
    say("problem", error.message);
  } finally {
    if (turn === generation) byId("gaps").ariaBusy = "false";
  }
}

function show(found) {
  byId("outcome").textContent = inWords(found);
  byId("found").replaceChildren(...found.gaps.map((gap) => gapRow(gap, propose)));
  const { questions, examples } = found.alone;
  byId("alone").hidden = questions === 0;
  byId("alone").querySelector("summary").textContent = `${counted(questions, "question")} like no other${questions > examples.length ? ", the newest" : ""}`;
  byId("alone").querySelector("ul").replaceChildren(...examples.map(askedOf));
}

function inWords(found) {
  if (found.questions === 0) return "No question was left open in this time.";
  const cut = found.truncated ? " These are the newest; older ones of this time are not counted." : "";
  const gaps = found.gaps.length ? counted(found.gaps.length, "gap") : "no gap";
  return `${counted(found.questions, "open question")}, ${gaps}.${cut}`;
}

const counted = (count, thing) => `${count} ${thing}${count === 1 ? "" : "s"}`;

async function propose(gap, place) {
  const button = place.querySelector("button");
  button.disabled = true;
  try {
    await callJson("POST", `/v1/corpora/${corpus}/golden/from-gap`, { body: { answer_id: gap.medoid.answer_id } });
    const link = el("a", { href: `/library/${corpus}/golden`, textContent: "Golden question proposed" });
    place.replaceChildren(link);
    link.focus();
  } catch (error) {
    button.disabled = false;
    button.focus();
    place.querySelector(".problem").textContent = error.message;
  }
}

function say(id, text) {
  byId(id).textContent = text;
  byId(id).hidden = !text;
}

byId("days").addEventListener("change", refresh);
refresh();
