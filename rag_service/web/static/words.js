// What machine words mean to people.

const OUTCOMES = {
  answered: "Answered from the documents",
  partial: "Partly answered",
  abstained: "The documents do not say",
};

const REASONS = {
  nothing_found: "Nothing in this corpus comes near the question. Try other words, or another corpus.",
  not_answerable: "The passages that were found do not answer the question. Try other words, or look at the nearest passages.",
  generator_declined: "The language model found no answer in the passages.",
  nothing_supported: "No sentence of the answer could be supported by the documents, so none is shown.",
  units_dropped: "Some sentences were left out because no source supports them well enough.",
  generator_failed: "The language model broke off midway; what it wrote before is shown.",
};

const FALLBACK = {
  partial: "Some sentences were left out because no source supports them well enough.",
  abstained: "Nothing in this corpus supports an answer. Try other words, or look at the nearest passages.",
};

// A greeting rests on no document, so nothing is said about one.
export function outcomeInWords(details) {
  return details.reason === "small_talk" ? "" : (OUTCOMES[details.status] ?? "Ended");
}

export function reasonInWords(details) {
  if (details.status === "answered") return "";
  return REASONS[details.reason] ?? FALLBACK[details.status] ?? "";
}

const CIRCUMSTANCES = {
  embedding: "Looked for by words only, because the part that compares meanings did not answer.",
  index: "Found in a stand-in of the index, which may lack the newest changes.",
  feedback: "Passages unlike the best ones may stand higher than usual, because the index did not answer twice.",
  rerank: "Not all passages were looked at a second time, so their order is a little rougher.",
};

const CACHED = "Written before for the same question and sources.";

// What a reader may want to know of how an answer came about; nothing where all was as usual.
export function circumstancesInWords(details) {
  const lacking = (details.degraded_reasons ?? []).map((reason) => CIRCUMSTANCES[reason] ?? "A part of the search did not answer.");
  return [...lacking, ...(details.cached ? [CACHED] : [])].join(" ");
}

const LANGUAGES = new Intl.DisplayNames(["en"], { type: "language" });

export function languageInWords(code) {
  return LANGUAGES.of(code);
}

const UNITS = ["bytes", "KiB", "MiB", "GiB"];

export function sizeInWords(bytes) {
  let size = bytes;
  let unit = 0;
  while (size >= 1024 && unit < UNITS.length - 1) {
    size /= 1024;
    unit += 1;
  }
  return `${unit && size < 10 ? size.toFixed(1) : Math.round(size)} ${UNITS[unit]}`;
}
