// The dialog in which a golden question is written or changed.

import { callJson } from "./api.js";
import { byId, el } from "./dom.js";
import { turnsOf } from "./golden-row.js";

const MOST_KEYS = 100;
const dialog = byId("editor");
let save = null;
let quotes = 0;

// `saved` sends what the form holds; when that is refused the dialog stays open and says why.
export function openEditor(question, saved) {
  save = saved;
  byId("editor-title").textContent = question ? "Change a question" : "Add a question";
  byId("editor-turns").replaceChildren(...(question ? turnsOf(question) : []));
  byId("editor-turns").hidden = !byId("editor-turns").childElementCount;
  byId("question").value = question?.question ?? "";
  byId("answerable").checked = question?.answerable ?? true;
  byId("answers").value = (question?.answers ?? []).join("\n");
  byId("quotes").replaceChildren(...(question?.quotes ?? []).map(quoteFields));
  byId("note").value = question?.note ?? "";
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
    await save(written());
    dialog.close();
  } catch (error) {
    problem(error.message);
  } finally {
    submit.disabled = false;
  }
});

function written() {
  const answerable = byId("answerable").checked;
  const rows = [...byId("quotes").children].map((row) => ({
    document_key: row.querySelector("input").value.trim(),
    text: row.querySelector("textarea").value.trim(),
  }));
  return {
    question: byId("question").value.trim(),
    answerable,
    answers: answerable ? linesOf(byId("answers").value) : [],
    quotes: answerable ? rows.filter((quote) => quote.document_key || quote.text) : [],
    note: byId("note").value.trim(),
  };
}

const linesOf = (text) => text.split("\n").map((line) => line.trim()).filter(Boolean);

function showExpected() {
  byId("expected").hidden = !byId("answerable").checked;
}

function quoteFields(quote) {
  const number = ++quotes;
  const key = el("input", { id: `key-${number}`, value: quote.document_key, autocomplete: "off", attributes: { list: "document-keys" } });
  const text = el("textarea", { id: `quote-${number}`, value: quote.text, rows: 2 });
  const remove = el("button", { type: "button", className: "quiet", textContent: "Remove this quote" });
  const fields = el("div", { className: "quote stack" }, [
    el("label", { htmlFor: key.id, textContent: "Document" }), key,
    el("label", { htmlFor: text.id, textContent: "Its words" }), text,
    remove,
  ]);
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
