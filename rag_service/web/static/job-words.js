// What is said about a job.

const STATES = {
  queued: ["Waiting", ""],
  waiting: ["Waiting its turn", ""],
  starved: ["Nobody takes it", "busy"],
  running: ["Running", "good"],
  failed: ["Will be tried again", "busy"],
  dead: ["Failed", "bad"],
  cancelled: ["Cancelled", ""],
  succeeded: ["Done", "good"],
};

const STAGES = {
  parse: "Reading the file",
  chunk: "Finding passages",
  embed: "Embedding passages",
  index: "Bringing passages into the index",
};

const STARVED = "No worker has taken this for a while. If it stays so, tell the person who runs the service.";

export function stateInWords(job) {
  return STATES[job.state] ?? [job.state, ""];
}

export function nameOf(job) {
  const corpus = job.corpus ?? "a corpus";
  if (job.kind === "seal_draft") return `New version of ${corpus}`;
  if (job.kind === "unseal_draft") return `Draft of ${corpus} being opened again`;
  if (job.kind === "evaluate_draft") return `Golden questions asked of a draft of ${corpus}`;
  if (job.kind === "run_suite") return `Evaluation of ${corpus}`;
  return job.document ?? "A document";
}

export function aboutInWords(job) {
  const parts = [];
  if (job.kind === "prepare_revision" && job.corpus) parts.push(job.corpus);
  if (job.state === "running") parts.push(...stageInWords(job));
  else if (job.state !== "dead") parts.push(`for ${timeInWords(job.age_s)}`);
  if (job.attempts > 1) parts.push(`attempt ${job.attempts}`);
  return parts.join(" · ");
}

export function adviceInWords(job) {
  return job.advice ?? (job.state === "starved" ? STARVED : "");
}

function stageInWords(job) {
  if (!job.stage) return ["starting"];
  const parts = [STAGES[job.stage] ?? `Working: ${job.stage}`];
  if (job.pages?.total) parts.push(`page ${job.pages.done} of ${job.pages.total}`);
  if (job.chunks?.total) parts.push(`${job.chunks.done} of ${job.chunks.total} passages`);
  if (job.remaining_s !== null) parts.push(`about ${timeInWords(job.remaining_s)} left`);
  return parts;
}

function timeInWords(seconds) {
  if (seconds < 60) return `${Math.round(seconds)} s`;
  if (seconds < 3600) return `${Math.round(seconds / 60)} min`;
  if (seconds < 172800) return `${Math.round(seconds / 3600)} h`;
  return `${Math.round(seconds / 86400)} days`;
}
