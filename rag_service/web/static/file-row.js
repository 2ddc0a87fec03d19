// A document's row in the list. It changes in place, so that watching it does not flicker.

import { el } from "./dom.js";
import { languageInWords, sizeInWords } from "./words.js";

const STATUS = {
  in_progress: ["In progress", "busy"],
  completed: ["Ready", "good"],
  failed: ["Failed", "bad"],
  cancelled: ["Cancelled", "bad"],
};

export function fileRow(file, onRemove) {
  const name = el("a", { className: "name" });
  const badge = el("span", { className: "badge" });
  const advice = el("p", { className: "advice", hidden: true });
  const remove = el("button", { type: "button", className: "quiet", textContent: "Remove", hidden: !onRemove });
  const row = el("li", { className: "file", dataset: { id: file.id } }, [name, badge, remove, advice]);
  remove.addEventListener("click", () => onRemove(row, name.textContent));
  updateRow(row, file);
  return row;
}

export function updateRow(row, file) {
  const [words, tone] = STATUS[file.status] ?? [file.status, ""];
  const advice = row.querySelector(".advice");
  const reason = file.status === "failed" ? (file.last_error?.message ?? "") : "";
  setText(row.querySelector(".name"), nameOf(file));
  linkToText(row.querySelector(".name"), file);
  setText(row.querySelector(".badge"), words);
  row.querySelector(".badge").className = `badge ${tone}`;
  row.querySelector("button").ariaLabel = `Remove ${nameOf(file)}`;
  setText(advice, reason);
  advice.hidden = !reason;
  row.dataset.status = file.status;
  row.title = detailsOf(file).join(" · ");
}

// Where its text is shown, with what could not be read of it.
function linkToText(name, file) {
  if (file.status === "completed") name.href = `/sources/${encodeURIComponent(file.document_id)}/${file.revision}`;
  else name.removeAttribute("href");
}

function detailsOf(file) {
  const size = file.usage_bytes ? [sizeInWords(file.usage_bytes)] : [];
  return file.language ? [...size, languageInWords(file.language)] : size;
}

function nameOf(file) {
  return file.filename ?? file.attributes?.document_key ?? file.id;
}

function setText(element, text) {
  if (element.textContent !== text) element.textContent = text;
}
