// Calls to the service's API in the signed-in person's name.

const csrf = () => document.querySelector('meta[name="csrf-token"]')?.content ?? "";

export class ApiError extends Error {
  constructor(message, status) {
    super(message);
    this.status = status;
  }
}

export function apiHeaders(extra = {}) {
  return { "x-csrf-token": csrf(), ...extra };
}

export async function call(method, path, { body, signal } = {}) {
  const headers = apiHeaders(body === undefined ? {} : { "content-type": "application/json" });
  return sent(path, { method, headers, signal, body: body === undefined ? undefined : JSON.stringify(body) });
}

// For a body that is not JSON.
export async function sent(path, options) {
  let response;
  try {
    response = await fetch(path, options);
  } catch (error) {
    if (error.name === "AbortError") throw error;
    throw new ApiError("The service cannot be reached. Check the connection, then try again.", 0);
  }
  if (!response.ok) throw new ApiError(inWords(response.status, await bodyOf(response)), response.status);
  return response;
}

export async function callJson(method, path, options) {
  return (await call(method, path, options)).json();
}

export function inWords(status, body) {
  if (status === 401) return "Your session has ended. Load this page again to sign in.";
  if (status === 413) return "The file is larger than the limit. Split it and upload the parts.";
  if (status === 429) return "Too much at once. Wait a moment, then try again.";
  if (body?.error?.message) return body.error.message;
  if (status === 503) return "A part of the service is not ready. Try again in a moment.";
  return "Something went wrong in the service. Try again; if it fails again, ask the person who runs it.";
}

async function bodyOf(response) {
  try {
    return await response.json();
  } catch {
    return null;
  }
}
