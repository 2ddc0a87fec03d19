// Creates a corpus and goes to it.

import { callJson } from "./api.js";
import { byId } from "./dom.js";

const form = byId("create");
const button = form?.querySelector("button");
// Disabled until now: sent without this script, the name would be lost.
if (button) button.disabled = false;

form?.addEventListener("submit", async (event) => {
  event.preventDefault();
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
