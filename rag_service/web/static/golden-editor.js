// The dialog in which a golden question is written or changed.

import { callJson } from "./api.js";
import { byId, el } from "./dom.js";
import { turnsOf } from "./golden-row.js";

const MOST_KEYS = 100;
const dialog = byId("editor");
const quoteIn = new WeakMap();
let save = null;
let quotes = 0;
let answers = [];
let shown = {};

// `saved` sends what was written: all of a new question, what is another way of one that is there already.
// When that is refused the dialog stays open and says why.
export function openEditor(question, saved) {
  save = saved;
  answers = question?.answers ?? [];
  byId("editor-title").textContent = question ? "Change a question" : "Add a question";
  byId("editor-turns").replaceChildren(...(question ? turnsOf(question) : []));
  byId("editor-turns").hidden = !byId("editor-turns").childElementCount;
  byId("question").value = question?.question ?? "";
  byId("answerable").checked = question?.answerable ?? true;
  byId("answers").value = answers.join("\n");
  byId("quotes").replaceChildren(...(question?.quotes ?? []).map(quoteFields));
  byId("note").value = question?.note ?? "";
  shown = question ? written() : {};
  problem("");
  showExpected();
  dialog.showModal();
  byId("question").focus();
  offerKeys();
}

byId("answerable").addEventListener("change", showExpected);
byId("cancel").addEventListener("click", () => dialog.close());
byId("add-quote").addEventListener("click", () => {
  byId("quotes").append(quoteFields({ document_key: "", text: "" }));
  byId("quotes").lastElementChild.querySelector("input").focus();
});
byId("editor-form").addEventListener("submit", async (event) => {
  event.preventDefault();
  const submit = event.submitter ?? byId("editor-form").querySelector('[type="submit"]');
  submit.disabled = true;
  try {
    await save(changes());
    dialog.close();
  } catch (error) {
    problem(error.message);
  } finally {
    submit.disabled = false;
  }
});

// Only what somebody changed here: the rest may be another way by now, and nobody here has read it.
function changes() {
  const isChanged = ([name, value]) => JSON.stringify(value) !== JSON.stringify(shown[name]);
  return Object.fromEntries(Object.entries(written()).filter(isChanged));
}

function written() {
  const answerable = byId("answerable").checked;
  const rows = [...byId("quotes").children].map((row) => quoteIn.get(row)());
  return {
    question: byId("question").value.trim(),
    answerable,
    answers: answerable ? answersIn(byId("answers").value) : [],
    quotes: answerable ? rows.filter((quote) => quote.document_key || quote.text) : [],
    note: byId("note").value.trim(),
  };
}

const linesOf = (text) => text.split(/\r\n|\r|\n/).map((line) => line.trim()).filter(Boolean);

// A line is an answer; lines that were one answer before stay one.
function answersIn(text) {
  const lines = linesOf(text);
  const found = [];
  while (lines.length) {
    const kept = answers.find((answer) => startsWith(lines, linesOf(answer)));
    found.push(kept ?? lines[0]);
    lines.splice(0, kept === undefined ? 1 : linesOf(kept).length);
  }
  return found;
}

const startsWith = (lines, first) => first.length > 0 && first.every((line, place) => line === lines[place]);

function showExpected() {
  byId("expected").hidden = !byId("answerable").checked;
}

function quoteFields(quote) {
  const number = ++quotes;
  const key = el("input", { id: `key-${number}`, value: quote.document_key, autocomplete: "off", attributes: { list: "document-keys" } });
  const text = el("textarea", { id: `quote-${number}`, value: quote.text, rows: 2 });
  // A quote that nobody touches goes back to the letter: it may have left its document since.
  const [keyShown, textShown] = [key.value, text.value];
  const isTouched = () => key.value !== keyShown || text.value !== textShown;
  const read = () => (isTouched() ? { document_key: key.value.trim(), text: text.value.trim() } : quote);
  const remove = el("button", { type: "button", className: "quiet", textContent: "Remove this quote" });
  const fields = el("div", { className: "quote stack" }, [
    el("label", { htmlFor: key.id, textContent: "Document" }), key,
    el("label", { htmlFor: text.id, textContent: "Its words" }), text,
    remove,
  ]);
  quoteIn.set(fields, read);
  remove.addEventListener("click", () => {
    fields.remove();
    byId("add-quote").focus();
  });
  return fields;
}

// Only a help for typing: a corpus may have more documents than are offered.
async function offerKeys() {
  if (byId("document-keys").childElementCount) return;
  const corpus = encodeURIComponent(byId("golden").dataset.corpus);
  try {
    const listed = await callJson("GET", `/v1/vector_stores/${corpus}/files?limit=${MOST_KEYS}&filter=completed`);
    const keys = listed.data.map((file) => file.attributes?.document_key ?? file.filename).filter(Boolean);
    byId("document-keys").replaceChildren(...keys.map((key) => el("option", { value: key })));
  } catch (error) {
    console.debug(error.message);
  }
}

function problem(text) {
  byId("editor-problem").textContent = text;
  byId("editor-problem").hidden = !text;
}
