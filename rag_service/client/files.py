"""Files: raw uploads, and the documents they become."""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import IO

import httpx

from rag_service.client.transport import Json, Transport, segment


class FileCalls(Transport):
    """The part of the client for files."""

    def upload_file(self, content: Path | bytes, filename: str = "") -> Json:
        """Upload raw bytes; a path is streamed, not read into memory."""

        def send() -> httpx.Response:
            if isinstance(content, bytes):
                return self._post_file(content, filename)
            with content.open("rb") as opened:
                return self._post_file(opened, filename or content.name)

        return self._checked(send)

    def add_file(
        self,
        corpus: str,
        file_id: str,
        attributes: Mapping[str, str | float | bool] | None = None,
        principals: Sequence[str] = (),
    ) -> Json:
        """Make an uploaded file a document of a corpus, visible to `principals` (empty: everyone)."""
        path = f"/v1/vector_stores/{segment(corpus)}/files"
        return self._call("POST", path, json=new_file(file_id, attributes, principals))

    def add_files(
        self,
        corpus: str,
        files: Sequence[tuple[str, Mapping[str, str | float | bool]]],
        principals: Sequence[str] = (),
    ) -> Json:
        """Make uploaded files, each with its attributes, documents of a corpus, by one request."""
        body: Json = {"files": [new_file(file_id, attributes) for file_id, attributes in files]}
        path = f"/v1/vector_stores/{segment(corpus)}/file_batches"
        return self._call("POST", path, json={**body, "principals": list(principals)} if principals else body)

    def import_rows(self, corpus: str, rows: Sequence[bytes], principals: Sequence[str] = ()) -> list[Json]:
        """Make each row, a line of JSON {id, title, text}, a document of a corpus; the same row changes nothing."""
        path = f"/v1/corpora/{segment(corpus)}/rows"
        return list(self._call("POST", path, content=b"\n".join(rows), params={"principal": list(principals)})["data"])

    def wanted_vectors(self, corpus: str) -> Json:
        """Return what vectors have to be that come with rows: dimensions, model and embedder."""
        return self._call("GET", f"/v1/corpora/{segment(corpus)}/vectors")

    def keep_vectors(self, corpus: str, lines: Sequence[bytes]) -> list[Json]:
        """Have the vectors of lines {id, title, text, vector, embedder} kept; return which were."""
        path = f"/v1/corpora/{segment(corpus)}/vectors"
        return list(self._call("POST", path, content=b"\n".join(lines))["data"])

    def files(self, corpus: str, *, status: str | None = None) -> Iterator[Json]:
        """Yield the documents of a corpus; `status` is in_progress, completed or failed."""
        yield from self._pages(f"/v1/vector_stores/{segment(corpus)}/files", {"filter": status} if status else None)

    def document_id(self, corpus: str, ref: str) -> str:
        """Return the id of the document with this key; anything else is taken for an id."""
        return next((str(file["document_id"]) for file in self.files(corpus) if _key_of(file) == ref), ref)

    def _post_file(self, content: bytes | IO[bytes], filename: str) -> httpx.Response:
        form: Json = {"data": {"purpose": "assistants"}, "files": {"file": (filename, content)}}
        request = self._http.build_request("POST", "/v1/files", **form)
        if isinstance(content, bytes):
            # Joined, since a form is sent piece by piece and each piece is a system call: rows come by the thousand.
            request.read()
        return self._http.send(request)


def new_file(
    file_id: str, attributes: Mapping[str, str | float | bool] | None = None, principals: Sequence[str] = ()
) -> Json:
    """Return the request that makes an uploaded file a document."""
    body: Json = {"file_id": file_id, "attributes": dict(attributes or {})}
    return {**body, "principals": list(principals)} if principals else body


def _key_of(file: Json) -> object:
    return file["attributes"].get("document_key") or file["filename"]
