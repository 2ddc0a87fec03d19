// A question in the conversation. It can be written anew.

import { el } from "./dom.js";

// `askAgain` gets the new words.
export function askedTurn(question, askAgain) {
  const edit = el("button", { type: "button", className: "quiet", textContent: "Edit", ariaLabel: `Edit: ${question}` });
  const turn = el("div", { className: "asked" }, [edit, el("p", { textContent: question })]);
  edit.addEventListener("click", () => openForm(turn, question, askAgain));
  return turn;
}

function openForm(turn, question, askAgain) {
  const shown = [...turn.children];
  const words = el("textarea", { value: question, rows: 2, ariaLabel: "Your question, written anew" });
  const submit = el("button", { className: "primary", textContent: "Ask again" });
  const cancel = el("button", { type: "button", textContent: "Cancel" });
  const form = el("form", { className: "stack" }, [words, el("div", { className: "row" }, [cancel, submit])]);
  const close = () => {
    turn.replaceChildren(...shown);
    shown[0].focus();
  };
  cancel.addEventListener("click", close);
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    if (words.value.trim()) askAgain(words.value.trim());
  });
  form.addEventListener("keydown", (event) => {
    if (event.isComposing) return;
    if (event.key === "Escape") close();
    if (event.key !== "Enter" || event.shiftKey || event.target !== words) return;
    event.preventDefault();
    form.requestSubmit();
  });
  turn.replaceChildren(form);
  words.focus();
}
