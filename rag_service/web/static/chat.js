// The chat page: asks, streams the answer, keeps the conversation.

import { AnswerView } from "./answer-view.js";
import { ApiError, call } from "./api.js";
import { askedTurn } from "./asked-turn.js";
import { byId } from "./dom.js";
import { closeSource } from "./source-panel.js";
import { events } from "./sse.js";
import { outcomeInWords } from "./words.js";

const NEAR_END_PX = 120;

let conversation = [];
let running = null;
let following = true;

function start() {
  byId("composer").addEventListener("submit", submit);
  byId("question").addEventListener("keydown", sendOnEnter);
  byId("corpus").addEventListener("change", changeCorpus);
  byId("stop").addEventListener("click", () => running?.abort());
  byId("fresh").addEventListener("click", startAfresh);
  byId("source-close").addEventListener("click", closeSource);
  byId("veil").addEventListener("click", closeSource);
  byId("conversation").addEventListener("scroll", noteReader);
  document.addEventListener("keydown", shortcuts);
  for (const example of document.querySelectorAll(".example")) {
    example.addEventListener("click", () => ask(example.textContent));
  }
  // Disabled until now: sent without this script, the question would be lost.
  byId("send").disabled = !("usable" in byId("send").dataset);
  showExamples();
}

function submit(event) {
  event.preventDefault();
  const question = byId("question").value.trim();
  if (!question || running || byId("send").disabled) return;
  byId("question").value = "";
  ask(question);
}

function sendOnEnter(event) {
  if (event.key !== "Enter" || event.shiftKey || event.isComposing) return;
  event.preventDefault();
  byId("composer").requestSubmit();
}

function shortcuts(event) {
  if (event.key === "Escape") closeSource();
  if (event.key === "/" && !event.target.closest("input, textarea, select")) {
    event.preventDefault();
    byId("question").focus();
  }
}

function showExamples() {
  const examples = byId("examples");
  examples.hidden = byId("corpus").value !== examples.dataset.corpus || byId("send").disabled;
}

function changeCorpus() {
  conversation = [];
  showExamples();
}

function startAfresh() {
  running?.abort();
  conversation = [];
  closeSource();
  byId("conversation").replaceChildren(byId("welcome"));
  byId("welcome").hidden = false;
  byId("fresh").hidden = true;
  byId("question").focus();
}

function ask(question) {
  if (running) return;
  byId("welcome").hidden = true;
  byId("fresh").hidden = false;
  const [before, corpus] = [conversation, byId("corpus").value];
  const turn = askedTurn(question, (words) => askAgain(turn, words, corpus === byId("corpus").value ? before : []));
  show(turn);
  answer(question);
}

// What came after a question rests on its old words.
function askAgain(turn, words, before) {
  if (byId("send").disabled) return;
  running?.abort();
  running = null;
  while (turn.nextElementSibling) turn.nextElementSibling.remove();
  turn.remove();
  conversation = before;
  ask(words);
}

async function answer(question) {
  const view = new AnswerView();
  const messages = [...conversation, { role: "user", content: question }];
  show(view.element);
  const abort = begin();
  try {
    await stream(view, { model: byId("corpus").value, messages, stream: true }, abort.signal);
    remember(messages, view);
  } catch (error) {
    ended(error, view, question, messages);
  } finally {
    finish(abort);
  }
}

async function stream(view, body, signal) {
  const response = await call("POST", "/v1/chat/completions", { body, signal });
  let last = null;
  for await (const chunk of events(response)) {
    if (chunk.error) throw new ApiError(chunk.error.message, 500);
    if (chunk.x_rag?.sources) view.addSources(chunk.x_rag);
    const delta = chunk.choices?.[0]?.delta ?? {};
    if (delta.content) view.addUnit(delta.content, delta.citations ?? []);
    if (chunk.x_rag?.status) last = chunk.x_rag;
    keepEndInView();
  }
  if (!last) throw new ApiError("The answer broke off. Check the connection, then try again.", 0);
  view.finish(last);
  byId("announcer").textContent = outcomeInWords(last) || "Answered";
}

function remember(messages, view) {
  // An answer that was taken off the page is no part of the conversation any more.
  if (view.element.isConnected) conversation = [...messages, { role: "assistant", content: view.text }];
}

function ended(error, view, question, messages) {
  if (error.name === "AbortError") {
    view.stop();
    if (view.text) remember(messages, view);
    return;
  }
  const message = error instanceof ApiError ? error.message : "The answer broke off. Check the connection, then try again.";
  view.fail(message, () => {
    view.element.remove();
    answer(question);
  });
}

function begin() {
  running = new AbortController();
  byId("send").hidden = true;
  byId("stop").hidden = false;
  return running;
}

function finish(abort) {
  if (running !== abort) return;
  running = null;
  const hadFocus = document.activeElement === byId("stop") || document.activeElement === document.body;
  byId("send").hidden = false;
  byId("stop").hidden = true;
  if (hadFocus) byId("question").focus({ preventScroll: true });
  keepEndInView();
}

function show(element) {
  byId("conversation").append(element);
  following = true;
  keepEndInView();
}

// The end stays in view as text arrives, until the reader scrolls back to read.
function keepEndInView() {
  if (following) byId("conversation").scrollTop = byId("conversation").scrollHeight;
}

function noteReader() {
  const talk = byId("conversation");
  following = talk.scrollHeight - talk.scrollTop - talk.clientHeight < NEAR_END_PX;
}

start();
