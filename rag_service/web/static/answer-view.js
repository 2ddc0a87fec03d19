// One answer on the page: sentences as they arrive, then its outcome, its sources and thumbs.

import { cutUnit } from "./answer-units.js";
import { callJson } from "./api.js";
import { el, icon } from "./dom.js";
import { proposal } from "./golden-proposal.js";
import { codePointLength } from "./offsets.js";
import { openSource, placeInWords, whereInSource } from "./source-panel.js";
import { circumstancesInWords, outcomeInWords, reasonInWords } from "./words.js";

const THUMB_UP = "M7 10v11H3V10zM7 10l4.5-7.5c1.6 0 2.6 1.2 2.3 2.8L13 9h6.2c1.3 0 2.2 1.2 1.9 2.4l-2 8A2 2 0 0 1 17.200 21H7";
const THUMB_DOWN = "M17 14V3h4v11zM17 14l-4.5 7.500c-1.600 0-2.600-1.200-2.300-2.800L11 15H4.800c-1.300 0-2.200-1.200-1.900-2.400l2-8A2 2 0 0 1 6.800 3H17";
const NEAREST_SHOWN = 3;

export class AnswerView {
  constructor() {
    this.text = "";
    this.version = "";
    this.cited = new Map();
    this.found = [];
    this.waiting = el("span", { className: "waiting", attributes: { "aria-hidden": "true" } }, [el("i"), el("i"), el("i")]);
    this.body = el("div", { className: "answer-text" }, [this.waiting]);
    this.element = el("article", { className: "answer", ariaLabel: "Answer", ariaBusy: "true" }, [this.body]);
  }

  addSources(details) {
    this.found = details.sources ?? [];
    this.version = details.corpus ? `${details.corpus}@${details.version}` : "";
    this.answerId = details.answer_id;
    this.corpus = details.corpus;
  }

  addUnit(text, citations) {
    this.waiting.remove();
    const offset = codePointLength(this.text);
    const parts = cutUnit(text, offset, citations);
    this.text += text;
    this.body.append(el("span", { className: "unit" }, parts.map((part) => this.#partElement(part))));
  }

  finish(details) {
    this.#settle();
    const abstained = details.status === "abstained";
    this.element.classList.toggle("abstained-box", abstained);
    this.element.append(this.#outcome(details));
    if (abstained) this.#listNearest();
    else this.#listCited();
    this.#tellCircumstances(details);
  }

  stop() {
    this.#settle();
    const status = el("span", { className: "status stopped", textContent: "Stopped" });
    this.element.append(el("div", { className: "outcome" }, [status]));
    this.#listCited();
  }

  fail(message, retry) {
    this.#settle();
    const button = el("button", { type: "button", textContent: "Try again", onclick: retry });
    const words = el("p", { textContent: message });
    this.element.append(el("div", { className: "failure", attributes: { role: "alert" } }, [words, button]));
  }

  #settle() {
    this.waiting.remove();
    this.element.ariaBusy = "false";
  }

  #partElement(part) {
    if (part.kind !== "mark") return el("span", { className: part.kind === "cited" ? "cited" : "", textContent: part.text });
    this.cited.set(part.number, this.cited.get(part.number) ?? part.citation);
    const label = `Source ${part.number}: ${part.citation.filename}`;
    return this.#opens(part.citation, { className: "mark", textContent: String(part.number), ariaLabel: label, title: part.citation.filename });
  }

  #opens(place, properties, children) {
    const button = el("button", { type: "button", ariaExpanded: "false", ...properties }, children);
    button.setAttribute("aria-controls", "source");
    button.addEventListener("click", () => openSource(place, this.version, button));
    return button;
  }

  #outcome(details) {
    const words = outcomeInWords(details);
    const status = el("span", { className: `status ${details.status}`, textContent: words, hidden: !words });
    const parts = [status, el("span", { textContent: this.version }), this.#thumbs()];
    const reason = reasonInWords(details);
    if (reason) parts.push(el("p", { className: "reason", textContent: reason }));
    return el("div", { className: "outcome" }, parts);
  }

  #tellCircumstances(details) {
    const words = circumstancesInWords(details);
    if (words) this.element.append(el("p", { className: "circumstances", textContent: words }));
  }

  #listCited() {
    if (!this.cited.size) return;
    const inOrder = [...this.cited].sort((a, b) => a[0] - b[0]);
    this.#list("Sources", "sources", inOrder.map(([number, citation]) => {
      const where = whereInSource(citation);
      const place = where ? [el("span", { className: "page", textContent: where })] : [];
      const name = [el("span", { className: "number", textContent: number }), el("span", { textContent: citation.filename })];
      return this.#opens(citation, { className: "chip" }, [...name, ...place]);
    }));
  }

  #listNearest() {
    const nearest = this.found.slice(0, NEAREST_SHOWN);
    if (!nearest.length) return;
    this.#list("Nearest passages", "sources nearest", nearest.map((place) => {
      const title = `${place.filename} · ${placeInWords(place, "")}`;
      const parts = [el("strong", { textContent: title }), el("span", { textContent: place.text ?? place.title ?? "" })];
      return this.#opens(place, { className: "near" }, parts);
    }));
  }

  #list(title, className, buttons) {
    const items = buttons.map((button) => el("li", {}, [button]));
    this.element.append(el("section", { className }, [el("h3", { textContent: title }), el("ul", {}, items)]));
  }

  #thumbs() {
    const up = this.#thumb(1, "Good answer", THUMB_UP);
    const down = this.#thumb(-1, "Bad answer", THUMB_DOWN);
    this.thumbs = [up, down];
    return el("span", { className: "thumbs" }, this.answerId ? this.thumbs : []);
  }

  #thumb(rating, label, shape) {
    const button = el("button", { type: "button", className: "quiet", ariaLabel: label, title: label, ariaPressed: "false" }, [icon(shape)]);
    button.addEventListener("click", () => this.#rate(rating, button));
    return button;
  }

  async #rate(rating, button) {
    const before = this.thumbs.map((thumb) => thumb.ariaPressed);
    for (const thumb of this.thumbs) thumb.ariaPressed = String(thumb === button);
    try {
      await callJson("POST", `/v1/answers/${encodeURIComponent(this.answerId)}/feedback`, { body: { rating, comment: "" } });
      button.dataset.stored = "yes";
      if (!this.element.querySelector(".proposal")) this.element.querySelector(".outcome").append(proposal(this.corpus, this.answerId));
    } catch (error) {
      this.thumbs.forEach((thumb, index) => { thumb.ariaPressed = before[index]; });
      button.title = error.message;
    }
  }
}
