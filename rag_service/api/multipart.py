"""multipart/form-data with one file, read as it arrives: the file goes on piece by piece and rests nowhere."""

from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from python_multipart.exceptions import FormParserError
from python_multipart.multipart import MultipartParser, parse_options_header
from starlette.requests import Request

from rag_service.errors import InvalidRequest

if TYPE_CHECKING:
    from python_multipart.multipart import MultipartCallbacks

FILE_FIELD = "file"

MAX_FIELDS = 16
MAX_FIELD_BYTES = 4096


@dataclass(frozen=True, slots=True, kw_only=True)
class Upload:
    """The file of a form. `fields` has those before the file until `content` is read to its end, then all.

    `content` raises InvalidRequest when the form turns out to be cut short or to hold a second file.
    """

    filename: str
    fields: dict[str, str]
    content: AsyncIterator[bytes]


async def read_upload(request: Request) -> Upload:
    """Read up to the beginning of the file.

    Raises:
        InvalidRequest: the body is no form, or has no file.
    """
    form = _Form(_boundary(request))
    pieces = request.stream()
    async for piece in pieces:
        form.feed(piece)
        if form.filename is not None:
            return Upload(filename=form.filename, fields=form.fields, content=_content(form, pieces))
    raise InvalidRequest(f"The form has no part named '{FILE_FIELD}' with a file name.", param=FILE_FIELD)


async def _content(form: "_Form", pieces: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    for data in form.take():
        yield data
    async for piece in pieces:
        form.feed(piece)
        for data in form.take():
            yield data
    if not form.is_complete:
        raise InvalidRequest("The form ends before its closing boundary.", param=FILE_FIELD)


def _boundary(request: Request) -> bytes:
    media_type, options = parse_options_header(request.headers.get("content-type"))
    if media_type != b"multipart/form-data" or not options.get(b"boundary"):
        raise InvalidRequest("Send the file as multipart/form-data.", param=FILE_FIELD)
    return options[b"boundary"]


@dataclass(slots=True)
class _Part:
    headers: dict[bytes, bytes] = field(default_factory=dict)
    name: str = ""
    is_file: bool = False
    text: bytearray = field(default_factory=bytearray)


class _Form:
    """What the parser's callbacks gather between two pieces of the body."""

    def __init__(self, boundary: bytes) -> None:
        callbacks: MultipartCallbacks = {
            "on_part_begin": self._begin,
            "on_header_field": self._header_field,
            "on_header_value": self._header_value,
            "on_header_end": self._header_end,
            "on_headers_finished": self._headers_finished,
            "on_part_data": self._data,
            "on_part_end": self._end,
            "on_end": self._finish,
        }
        try:
            self._parser = MultipartParser(boundary, callbacks)
        except FormParserError as exc:
            raise InvalidRequest("The form's boundary cannot be used.", param=FILE_FIELD) from exc
        self._part = _Part()
        self._header = (bytearray(), bytearray())
        self._file_data: list[bytes] = []
        self.filename: str | None = None
        self.fields: dict[str, str] = {}
        self.is_complete = False

    def feed(self, piece: bytes) -> None:
        try:
            self._parser.write(piece)
        except FormParserError as exc:
            raise InvalidRequest("The body is not well-formed multipart/form-data.", param=FILE_FIELD) from exc

    def take(self) -> list[bytes]:
        """Return the file's data gathered since the last call."""
        data, self._file_data = self._file_data, []
        return data

    def _begin(self) -> None:
        self._part = _Part()

    def _header_field(self, data: bytes, start: int, end: int) -> None:
        self._header[0].extend(data[start:end])

    def _header_value(self, data: bytes, start: int, end: int) -> None:
        self._header[1].extend(data[start:end])

    def _header_end(self) -> None:
        self._part.headers[bytes(self._header[0]).lower()] = bytes(self._header[1])
        self._header = (bytearray(), bytearray())

    def _headers_finished(self) -> None:
        _, options = parse_options_header(self._part.headers.get(b"content-disposition"))
        self._part.name = options.get(b"name", b"").decode("utf-8", "replace")
        filename = options.get(b"filename")
        if filename is None:
            return
        if self._part.name != FILE_FIELD or self.filename is not None:
            raise InvalidRequest(
                f"A form has one file, in the part named '{FILE_FIELD}'.", param=self._part.name or None
            )
        self._part.is_file = True
        self.filename = filename.decode("utf-8", "replace")

    def _data(self, data: bytes, start: int, end: int) -> None:
        if self._part.is_file:
            self._file_data.append(data[start:end])
            return
        self._part.text.extend(data[start:end])
        if len(self._part.text) > MAX_FIELD_BYTES:
            raise InvalidRequest(f"A form field has at most {MAX_FIELD_BYTES} bytes.", param=self._part.name or None)

    def _end(self) -> None:
        if self._part.is_file:
            return
        if len(self.fields) >= MAX_FIELDS:
            raise InvalidRequest(f"A form has at most {MAX_FIELDS} fields.")
        self.fields[self._part.name] = self._part.text.decode("utf-8", "replace")

    def _finish(self) -> None:
        self.is_complete = True
