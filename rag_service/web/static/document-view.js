// Shows blocks of a revision's text with the quote marked.

import { el } from "./dom.js";

export function showBlocks(target, excerpt) {
  const parts = [];
  if (!excerpt.is_start) parts.push(cut());
  for (const block of excerpt.blocks) {
    if (block.new_page) parts.push(el("p", { className: "page-mark", textContent: `Page ${block.new_page}` }));
    parts.push(blockElement(block));
  }
  if (!excerpt.is_end) parts.push(cut());
  target.replaceChildren(...parts);
  return target.querySelector("mark");
}

function blockElement(block) {
  const segments = block.segments.map((segment) =>
    el(segment.quoted ? "mark" : "span", { textContent: segment.text }),
  );
  const level = block.level ? ` h${block.level}` : "";
  const element = el("div", { className: `block ${block.kind}${level}` }, segments);
  if (block.kind === "heading") {
    element.setAttribute("role", "heading");
    element.setAttribute("aria-level", Math.min(block.level ?? 1, 4) + 2);
  }
  return element;
}

function cut() {
  return el("p", { className: "cut", textContent: "···", attributes: { "aria-hidden": "true" } });
}
