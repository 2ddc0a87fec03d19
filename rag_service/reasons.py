"""Why a document or a job failed, in words for people who upload."""

from enum import StrEnum


class ReasonCode(StrEnum):
    """Reason of a permanent or final failure; `ADVICE` has one sentence for each."""

    EMPTY_FILE = "empty_file"
    NO_TEXT = "no_text"
    NEEDS_PASSWORD = "needs_password"  # noqa: S105  (a reason, not a secret)
    DAMAGED = "damaged"
    UNSUPPORTED_TYPE = "unsupported_type"
    TYPE_MISMATCH = "type_mismatch"
    TOO_LARGE = "too_large"
    TOO_MANY_PAGES = "too_many_pages"
    ARCHIVE_BOMB = "archive_bomb"
    PARSER_TIMEOUT = "parser_timeout"
    PARSER_OUT_OF_MEMORY = "parser_out_of_memory"
    PARSER_CRASHED = "parser_crashed"
    SOURCE_REFUSED = "source_refused"
    CANCELLED = "cancelled"
    CONFLICT = "conflict"
    UNMEASURED = "unmeasured"
    INTERNAL = "internal"


ADVICE: dict[ReasonCode, str] = {
    ReasonCode.EMPTY_FILE: "The file has no content. Upload the file again, or a newer copy of it.",
    ReasonCode.NO_TEXT: "No text was found. Scans are read where the worker has tesseract; else recognise their text (OCR), then upload again.",
    ReasonCode.NEEDS_PASSWORD: "The file is protected by a password. Remove the protection and upload it again.",
    ReasonCode.DAMAGED: "The file is damaged and cannot be read. Export or download it again, then upload it.",
    ReasonCode.UNSUPPORTED_TYPE: "This kind of file is not read, or it carries macros. Save it as PDF, DOCX, XLSX, PPTX or text.",
    ReasonCode.TYPE_MISMATCH: "The content does not match the file name's ending. Correct the ending and upload again.",
    ReasonCode.TOO_LARGE: "The file, or what it unpacks to, is larger than the limit. Split it and upload the parts.",
    ReasonCode.TOO_MANY_PAGES: "The document has more pages than the limit. Split it and upload the parts.",
    ReasonCode.ARCHIVE_BOMB: "The file unpacks to far more than its size and was refused. Save it again from its editor.",
    ReasonCode.PARSER_TIMEOUT: "Reading the file took longer than the limit. Simplify or split it and upload it again.",
    ReasonCode.PARSER_OUT_OF_MEMORY: "Reading the file needed more memory than the limit. Split it and upload the parts.",
    ReasonCode.PARSER_CRASHED: "The file made its reader crash. Export it again in another format and upload that.",
    ReasonCode.SOURCE_REFUSED: "The source is not there, or lets nobody in. Mend its address or credentials, then run it.",
    ReasonCode.CANCELLED: "Somebody stopped this. Try it again, or upload the file again, if it is still wanted.",
    ReasonCode.CONFLICT: "The draft does not fit what is published by now. Mend the changes named, then seal it again.",
    ReasonCode.UNMEASURED: "The golden questions could not be asked. Mend what is named, then publish or run again.",
    ReasonCode.INTERNAL: "The service could not finish this. Try again; if it fails again, ask your operator.",
}
