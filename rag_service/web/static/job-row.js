// A job's row in a list. It changes in place, so that watching it does not flicker and focus stays where it is.

import { el } from "./dom.js";
import { aboutInWords, adviceInWords, nameOf, stateInWords } from "./job-words.js";

const CANCELLABLE = new Set(["queued", "waiting", "starved", "running", "failed"]);
const RETRYABLE = new Set(["failed", "dead"]);

export function jobRow(job, { onCancel, onRetry }) {
  const cancel = el("button", { type: "button", className: "quiet cancel", textContent: "Cancel" });
  const retry = el("button", { type: "button", className: "quiet retry", textContent: "Try again" });
  const row = el("li", { className: "job", dataset: { id: job.id } }, [
    el("span", { className: "name" }),
    el("span", { className: "badge" }),
    el("span", { className: "actions" }, [retry, cancel]),
    el("progress", { max: 1 }),
    el("p", { className: "about" }),
    el("p", { className: "advice" }),
  ]);
  cancel.addEventListener("click", () => onCancel(row));
  retry.addEventListener("click", () => onRetry(row));
  return row;
}

export function updateRow(row, job, mayChange) {
  const [words, tone] = stateInWords(job);
  setText(row, ".name", nameOf(job));
  setText(row, ".badge", words);
  row.querySelector(".badge").className = `badge ${tone}`;
  setText(row, ".about", aboutInWords(job));
  setText(row, ".advice", adviceInWords(job));
  showProgress(row.querySelector("progress"), job);
  showButton(row.querySelector(".cancel"), "Cancel", job, mayChange && CANCELLABLE.has(job.state));
  showButton(row.querySelector(".retry"), "Try again", job, mayChange && RETRYABLE.has(job.state));
  row.dataset.state = job.state;
}

function showProgress(bar, job) {
  bar.hidden = job.state !== "running";
  bar.ariaLabel = `Progress of ${nameOf(job)}`;
  if (job.total) bar.value = job.done / job.total;
  else bar.removeAttribute("value");
}

function showButton(button, words, job, isShown) {
  button.hidden = !isShown;
  button.ariaLabel = `${words}: ${nameOf(job)}`;
}

function setText(row, selector, text) {
  const element = row.querySelector(selector);
  if (element.textContent !== text) element.textContent = text;
  element.hidden = !text;
}
