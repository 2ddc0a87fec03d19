// A golden question in the list: what is asked, what is expected, and what can be done with it.

import { el } from "./dom.js";

const STATES = { proposed: ["To review", "busy"], accepted: ["Accepted", "good"], rejected: ["Rejected", ""] };
const ORIGINS = {
  hand: "Written by hand",
  import: "Imported",
  feedback: "From a rated answer",
  gap: "From questions without an answer",
  synthesis: "Made by rules",
};
const ROLES = { user: "Asked before", assistant: "Answered", system: "Instructed" };

export function questionRow(question, actions) {
  const [words, tone] = STATES[question.state] ?? [question.state, ""];
  const name = el("p", { className: "name", textContent: question.question });
  const badge = el("span", { className: `badge ${tone}`, textContent: words });
  const head = el("div", { className: "head" }, [...tickOf(question), name, badge]);
  const about = el("p", { className: "advice", textContent: aboutOf(question) });
  const body = [...turnsOf(question), ...expectedOf(question), about, buttonsOf(question, actions)];
  return el("li", { className: "golden", dataset: { id: question.id } }, [head, ...body]);
}

export function turnsOf(question) {
  return question.messages.slice(0, -1).map((turn) => el("p", { className: "turn" }, [
    el("span", { className: "role", textContent: `${ROLES[turn.role] ?? turn.role}: ` }),
    turn.content,
  ]));
}

function tickOf(question) {
  if (question.state !== "proposed") return [];
  return [el("input", { type: "checkbox", value: question.id, autocomplete: "off", ariaLabel: `Select: ${question.question}` })];
}

function expectedOf(question) {
  if (!question.answerable) return [el("p", { className: "expected", textContent: "The documents do not say: no answer is right." })];
  const answers = question.answers.length
    ? [el("p", { className: "expected" }, [el("span", { className: "role", textContent: "Expected: " }), question.answers.join(" · ")])]
    : [];
  return [...answers, ...question.quotes.map(quoteOf)];
}

function quoteOf(quote) {
  const source = el("cite", { textContent: quote.document_key });
  return el("blockquote", {}, [el("span", { textContent: quote.text }), source]);
}

function aboutOf(question) {
  const edits = question.edits > 1 ? [`changed ${question.edits - 1} time${question.edits > 2 ? "s" : ""}`] : [];
  return [ORIGINS[question.origin] ?? question.origin, ...edits, ...(question.note ? [question.note] : [])].join(" · ");
}

function buttonsOf(question, actions) {
  const verdicts = [["accept", "Accept", "accepted"], ["reject", "Reject", "rejected"]]
    .filter(([, , state]) => state !== question.state)
    .map(([action, words]) => buttonOf(question, action, words, actions));
  const others = [buttonOf(question, "edit", "Edit", actions), buttonOf(question, "remove", "Remove", actions)];
  return el("div", { className: "actions" }, [...verdicts, ...others]);
}

function buttonOf(question, action, words, actions) {
  const button = el("button", { type: "button", className: action === "accept" ? "" : "quiet", textContent: words });
  button.ariaLabel = `${words}: ${question.question}`;
  button.addEventListener("click", () => actions[action](question));
  return button;
}
