"""Drafts: changes that are held until somebody publishes them."""

import time
from collections.abc import Callable, Mapping, Sequence
from typing import Literal

from rag_service.client.files import new_file
from rag_service.client.transport import Json, Transport, segment


class DraftCalls(Transport):
    """The part of the client for drafts. A draft is named by its id or its name."""

    def drafts(self, corpus: str) -> list[Json]:
        """Return the live drafts of a corpus, newest first."""
        return list(self._call("GET", _address(corpus))["data"])

    def open_draft(self, corpus: str, name: str, *, notes: str = "") -> Json:
        """Open a draft that is held until it is published."""
        return self._call("POST", _address(corpus), json={"name": name, "notes": notes})

    def draft(self, corpus: str, draft: str) -> Json:
        """Return a draft with its changes."""
        return self._call("GET", _address(corpus, draft))

    def add_to_draft(
        self,
        corpus: str,
        draft: str,
        file_id: str,
        attributes: Mapping[str, str | float | bool] | None = None,
        principals: Sequence[str] = (),
    ) -> Json:
        """Make an uploaded file a change of a draft."""
        path = f"{_address(corpus, draft)}/files"
        return self._call("POST", path, json=new_file(file_id, attributes, principals))

    def remove_in_draft(self, corpus: str, draft: str, document_id: str) -> Json:
        """Make the removal of a document a change of a draft."""
        return self._call("POST", f"{_address(corpus, draft)}/removals", json={"document_id": document_id})

    def drop_change(self, corpus: str, draft: str, document_id: str) -> Json:
        """Take the change to a document out of a draft."""
        return self._call("DELETE", f"{_address(corpus, draft)}/documents/{segment(document_id)}")

    def seal_draft(self, corpus: str, draft: str, *, purpose: Literal["preview", "publish"]) -> Json:
        """Ask for a draft to be sealed; return the job."""
        return self._call("POST", f"{_address(corpus, draft)}/seal", json={"purpose": purpose})

    def unseal_draft(self, corpus: str, draft: str) -> Json:
        """Ask for a sealed draft to be opened again; return the job."""
        return self._call("POST", f"{_address(corpus, draft)}/unseal")

    def publish_draft(self, corpus: str, draft: str) -> Json:
        """Ask for a draft to be published; return the job."""
        return self._call("POST", f"{_address(corpus, draft)}/publish")

    def gate(self, corpus: str, draft: str) -> Json:
        """Return what the golden questions of a corpus say of a draft."""
        return self._call("GET", f"{_address(corpus, draft)}/gate")

    def accept_regressions(self, corpus: str, draft: str, question_ids: Sequence[str], *, reason: str) -> Json:
        """Accept that questions are worse off with a draft; return its gate."""
        body = {"question_ids": list(question_ids), "reason": reason}
        return self._call("POST", f"{_address(corpus, draft)}/gate/acceptances", json=body)

    def wait_until_prepared(
        self, corpus: str, draft: str, progress: Callable[[int], None] = lambda _: None, *, poll_s: float = 0.5
    ) -> None:
        """Wait until no change of a draft is in progress; `progress` hears how many are."""
        while left := sum(change["state"] == "in_progress" for change in self.draft(corpus, draft)["changes"]):
            progress(left)
            time.sleep(poll_s)

    def discard_draft(self, corpus: str, draft: str) -> Json:
        """Close a draft for good; nothing of it is published."""
        return self._call("DELETE", _address(corpus, draft))


def _address(corpus: str, draft: str | None = None) -> str:
    drafts = f"/v1/corpora/{segment(corpus)}/drafts"
    return f"{drafts}/{segment(draft)}" if draft is not None else drafts
