// Sends one file, saying how far it is, and adds it to a corpus.

import { ApiError, apiHeaders, callJson, inWords } from "./api.js";

export async function upload(corpusId, file, onProgress) {
  const stored = await send(file, onProgress);
  return callJson("POST", `/v1/vector_stores/${encodeURIComponent(corpusId)}/files`, { body: { file_id: stored.id } });
}

// fetch cannot tell how much of a body has left; XMLHttpRequest can.
function send(file, onProgress) {
  const form = new FormData();
  form.append("purpose", "assistants");
  form.append("file", file, file.name);
  return new Promise((resolve, reject) => {
    const request = new XMLHttpRequest();
    request.open("POST", "/v1/files");
    for (const [name, value] of Object.entries(apiHeaders())) request.setRequestHeader(name, value);
    request.responseType = "json";
    request.upload.onprogress = (event) => onProgress(event.loaded / Math.max(event.total, 1));
    request.onload = () => (request.status < 300 ? resolve(request.response) : reject(refused(request)));
    request.onerror = () => reject(new ApiError("The upload broke off. Check the connection, then try again.", 0));
    request.send(form);
  });
}

function refused(request) {
  return new ApiError(inWords(request.status, request.response), request.status);
}
