// Creates a corpus and goes to it.

import { callJson } from "./api.js";
import { byId } from "./dom.js";

byId("create")?.addEventListener("submit", async (event) => {
  event.preventDefault();
  const button = event.target.querySelector("button");
  button.disabled = true;
  byId("create-problem").hidden = true;
  try {
    const corpus = await callJson("POST", "/v1/vector_stores", { body: { name: byId("name").value.trim() } });
    location.assign(`/library/${encodeURIComponent(corpus.id)}`);
  } catch (error) {
    byId("create-problem").textContent = error.message;
    byId("create-problem").hidden = false;
    button.disabled = false;
    byId("name").focus();
  }
});
