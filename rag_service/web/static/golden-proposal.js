// After a thumb: those who may evaluate can propose the question as a golden question.

import { callJson } from "./api.js";
import { el } from "./dom.js";

export function proposal(corpus, answerId) {
  const place = el("span", { className: "proposal", attributes: { role: "status" } });
  if (document.querySelector(".desk")?.dataset.mayEvaluate !== "yes") return place;
  const button = el("button", { type: "button", className: "quiet", textContent: "Propose as golden question" });
  button.addEventListener("click", () => propose(corpus, answerId, place));
  place.append(button);
  return place;
}

async function propose(corpus, answerId, place) {
  const ref = encodeURIComponent(corpus);
  try {
    await callJson("POST", `/v1/corpora/${ref}/golden/from-answer`, { body: { answer_id: answerId } });
    const link = el("a", { href: `/library/${ref}/golden`, textContent: "Golden question proposed" });
    place.replaceChildren(link);
    link.focus();
  } catch (error) {
    place.replaceChildren(error.message);
  }
}
