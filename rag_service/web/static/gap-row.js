// A content gap in the list: what it is about, how often and by how many it was asked, and what can be done.

import { el } from "./dom.js";

const REASONS = {
  nothing_found: "nothing comes near it",
  not_answerable: "the passages found do not answer it",
  generator_declined: "the language model found no answer",
  nothing_supported: "no sentence could be supported",
  units_dropped: "some sentences could not be supported",
  generator_failed: "the language model broke off",
};
const date = new Intl.DateTimeFormat("en", { dateStyle: "medium" });
const dayOf = (seconds) => date.format(new Date(seconds * 1000));

export function gapRow(gap, propose) {
  const title = el("h2", { textContent: gap.words.join(" · ") || gap.medoid.question });
  const medoid = el("p", { className: "medoid", textContent: `“${gap.medoid.question}”` });
  const body = [el("div", { className: "head" }, [title, countOf(gap)]), medoid, factsOf(gap), whyOf(gap), examplesOf(gap)];
  return el("li", { className: "gap" }, [...body.filter(Boolean), actionOf(gap, propose)]);
}

export function askedOf(asked) {
  const about = [asked.disliked ? "disliked" : statusOf(asked.status), dayOf(asked.created_at)];
  return el("li", {}, [asked.question, el("small", { textContent: about.join(" · ") })]);
}

const statusOf = (status) => ({ abstained: "not answered", partial: "answered in part" }[status] ?? status);

function countOf(gap) {
  return el("span", { className: "badge", textContent: `${gap.questions} questions` });
}

function factsOf(gap) {
  const counts = [[gap.abstained, "not answered"], [gap.partial, "answered in part"], [gap.disliked, "disliked"]]
    .filter(([count]) => count > 0).map(([count, words]) => `${count} ${words}`);
  const people = gap.people === 1 ? "1 person" : `${gap.people} people`;
  const [first, last] = [dayOf(gap.first_seen), dayOf(gap.last_seen)];
  const days = first === last ? first : `${first} – ${last}`;
  return el("p", { className: "facts" }, [...counts, people, days].map((words) => el("span", { textContent: words })));
}

function whyOf(gap) {
  const reasons = Object.entries(gap.reasons).map(([reason, count]) => `${REASONS[reason] ?? reason} (${count})`);
  return reasons.length ? el("p", { className: "facts", textContent: `Why: ${reasons.join(", ")}` }) : null;
}

function examplesOf(gap) {
  const others = gap.examples.filter((one) => one.question !== gap.medoid.question);
  if (others.length === 0) return null;
  const summary = el("summary", { textContent: "Other wordings" });
  return el("details", {}, [summary, el("ul", { className: "asked" }, others.map(askedOf))]);
}

function actionOf(gap, propose) {
  if (gap.is_golden) return el("p", { className: "facts", textContent: "A golden question asks this." });
  const button = el("button", { type: "button", textContent: "Add as golden question (to review)" });
  button.ariaLabel = `${button.textContent}: ${gap.medoid.question}`;
  const problem = el("span", { className: "problem", attributes: { role: "alert" } });
  const place = el("div", { className: "actions" }, [button, problem]);
  button.addEventListener("click", () => propose(gap, place));
  return place;
}
