// Cuts a verified unit of an answer into plain text, cited text and marks. Pure; offsets in code points of the message.

import { codePointLength, sliceCodePoints } from "./offsets.js";

export function cutUnit(text, offset, citations) {
  const length = codePointLength(text);
  const parts = [];
  let at = 0;
  for (const [start, end] of citedSpans(citations, offset, length)) {
    if (start > at) parts.push(...cutMarks(sliceCodePoints(text, at, start)));
    parts.push({ kind: "cited", text: sliceCodePoints(text, start, end) });
    at = end;
  }
  parts.push(...cutMarks(sliceCodePoints(text, at, length)));
  return withCitations(parts, citations);
}

function citedSpans(citations, offset, length) {
  const spans = new Map();
  for (const citation of citations) {
    const start = Math.max(0, citation.start - offset);
    const end = Math.min(length, citation.end - offset);
    if (end > start) spans.set(`${start}:${end}`, [start, end]);
  }
  const inOrder = [...spans.values()].sort((a, b) => a[0] - b[0]);
  return inOrder.filter(([start], index) => index === 0 || start >= inOrder[index - 1][1]);
}

function cutMarks(text) {
  const pieces = text.split(/( ?\[\d+\])/);
  return pieces.filter((piece) => piece).map((piece) => {
    const mark = piece.match(/^ ?\[(\d+)\]$/);
    return mark ? { kind: "mark", text: piece, number: Number(mark[1]) } : { kind: "text", text: piece };
  });
}

function withCitations(parts, citations) {
  let ordinal = 0;
  return parts.map((part) => {
    if (part.kind !== "mark") return part;
    const citation = citations.find((one) => one.number === part.number) ?? citations[ordinal];
    ordinal += 1;
    return citation ? { ...part, citation } : { kind: "text", text: part.text };
  });
}
