"""Somebody who works on a corpus without a break, and notes what was acknowledged."""

import random
from typing import Any

from tests.faults.kill_loop.asking import Asking, Reply
from tests.faults.kill_loop.record import HeldDraft, Record, Write
from tests.faults.kill_loop.texts import written

KEYS = [f"d{number}" for number in range(6)]
_MOST_DRAFTS = 3
_CONFLICT = 409
_NOT_FOUND = 404


class Person:
    """Does one thing after the other to a corpus, as chance has it."""

    def __init__(self, ask: Asking, chance: random.Random, corpus: str) -> None:
        self.record = Record(corpus)
        self._ask = ask
        self._chance = chance
        self._ours = f"/v1/corpora/{corpus}"
        self._store = f"/v1/vector_stores/{corpus}"
        self._doings = {
            self._upload: 8,
            self._delete: 3,
            self._open_draft: 6,
            self._hold: 6,
            self._hold_removal: 2,
            self._drop_change: 1,
            self._preview: 4,
            self._publish: 6,
            self._unseal: 2,
            self._discard: 1,
            self._switch: 2,
            self._cancel: 2,
        }
        self._ask("POST", "/v1/vector_stores", json={"name": corpus}, may={_CONFLICT})

    def act(self) -> None:
        """Do one thing."""
        [doing] = self._chance.choices(list(self._doings), list(self._doings.values()))
        doing()
        self.record.actions += 1

    def _upload(self) -> None:
        key = self._chance.choice(KEYS)
        revision = self._bring(key, f"{self._store}/files")
        self.record.writes[key].append(Write(revision))

    def _delete(self) -> None:
        files = self._ask("GET", f"{self._store}/files", params={"limit": 100}).body["data"]
        if not files:
            return
        file = self._chance.choice(files)
        reply = self._ask("DELETE", f"{self._store}/files/{file['id']}", may={_NOT_FOUND})
        if reply.is_done or reply.was_lost:
            self.record.writes[self.record.key_of(file["document_id"])].append(Write(None, reply.is_done))

    def _open_draft(self) -> None:
        self._look_at_drafts()
        if len(self.record.live_drafts) == _MOST_DRAFTS:
            return
        name = f"draft {len(self.record.drafts)}"
        reply = self._ask("POST", f"{self._ours}/drafts", json={"name": name}, may={_CONFLICT})
        if not reply.is_done:
            assert reply.was_lost, f"there is a {name} already"
            reply = self._ask("GET", f"{self._ours}/drafts/{name}")
        self.record.drafts[reply.body["id"]] = HeldDraft(reply.body["id"], name)

    def _look_at_drafts(self) -> None:
        live = {draft["id"] for draft in self._ask("GET", f"{self._ours}/drafts").body["data"]}
        for draft in self.record.live_drafts:
            draft.is_over = draft.id not in live

    def _hold(self) -> None:
        if draft := self._one(self.record.open_drafts):
            key = self._chance.choice(KEYS)
            draft.changes[key] = self._bring(key, f"{self._path(draft)}/files")

    def _hold_removal(self) -> None:
        draft = self._one(self.record.open_drafts)
        if draft and self.record.documents:
            key = self._chance.choice(sorted(self.record.documents))
            removal = {"document_id": self.record.documents[key]}
            self._ask("POST", f"{self._path(draft)}/removals", json=removal)
            draft.changes[key] = None

    def _drop_change(self) -> None:
        draft = self._one([draft for draft in self.record.open_drafts if draft.changes])
        if draft:
            key = self._chance.choice(sorted(draft.changes))
            path = f"{self._path(draft)}/documents/{self.record.documents[key]}"
            reply = self._ask("DELETE", path, may={_NOT_FOUND})
            assert reply.is_done or reply.was_lost, f"{key} was not in {draft.name}"
            del draft.changes[key]

    def _preview(self) -> None:
        if draft := self._one(self.record.open_drafts):
            self._ask_for(draft, "seal", json={"purpose": "preview"})

    def _publish(self) -> None:
        if draft := self._one(self.record.live_drafts):
            reply = self._ask_for(draft, "publish")
            draft.must_be_published |= reply.is_done

    def _unseal(self) -> None:
        drafts = self._ask("GET", f"{self._ours}/drafts").body["data"]
        sealed = [draft["id"] for draft in drafts if draft["state"] == "sealed" and not draft["automatic"]]
        if draft_id := self._one(sealed):
            self._ask_for(self.record.drafts[draft_id], "unseal")

    def _discard(self) -> None:
        if draft := self._one(self.record.open_drafts):
            reply = self._ask("DELETE", self._path(draft), may={_CONFLICT, _NOT_FOUND})
            assert reply.is_done or reply.was_lost, f"{draft.name}: {reply.body}"
            draft.is_discarded = draft.is_over = True

    def _switch(self) -> None:
        versions = self._ask("GET", f"{self._ours}/versions", params={"limit": 100}).body["data"]
        asked = [version["number"] for version in versions if version["published_at"] and not version["current"]]
        if number := self._one(asked):
            reply = self._ask("POST", f"{self._ours}/versions/{number}/publish", may={_CONFLICT})
            if reply.is_done:
                self.record.switches[int(reply.body["id"])] = (reply.body["number"], reply.body["previous"])

    def _cancel(self) -> None:
        states = ["queued", "waiting", "running"]
        jobs = self._ask("GET", "/v1/jobs", params={"corpus": self.record.corpus, "state": states}).body["data"]
        job = self._one([job for job in jobs if self._is_ours(job)])
        if job and self._ask("POST", f"/v1/jobs/{job['id']}/cancel", may={_CONFLICT}).is_done:
            if job["kind"] == "prepare_revision":
                document_id, _, revision = job["subject"].rpartition("/")
                self.record.cancel(self.record.key_of(document_id), int(revision))
            else:
                self.record.drafts[job["subject"]].must_be_published = False

    def findings(self) -> list[Any]:
        """Return what the reconciler would mend, in all corpora."""
        reply = self._ask("POST", "/v1/reconciliations", json={"dry_run": True})
        return list(reply.body["findings"])

    def _bring(self, key: str, path: str) -> int:
        text = written(self._chance, key, len(self.record.texts[key]) + 1)
        form = {"file": (f"{key}.txt", text.encode(), "text/plain")}
        file = self._ask("POST", "/v1/files", data={"purpose": "assistants"}, files=form).body
        brought = {"file_id": file["id"], "attributes": {"document_key": key}}
        reply = self._ask("POST", path, json=brought).body
        self.record.bring(key, text, document_id=reply["document_id"], revision=reply["revision"])
        return len(self.record.texts[key])

    def _ask_for(self, draft: HeldDraft, what: str, **request: Any) -> Reply:
        reply = self._ask("POST", f"{self._path(draft)}/{what}", may={_CONFLICT}, **request)
        draft.is_asked |= reply.is_done or reply.was_lost
        return reply

    def _is_ours(self, job: dict[str, Any]) -> bool:
        # An automatic draft whose seal was stopped is left alone for minutes.
        return job["kind"] == "prepare_revision" or (
            job["kind"] == "seal_draft" and job["subject"] in self.record.drafts
        )

    def _one(self, of: list[Any]) -> Any:
        return self._chance.choice(of) if of else None

    def _path(self, draft: HeldDraft) -> str:
        return f"{self._ours}/drafts/{draft.id}"
