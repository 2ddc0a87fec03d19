"""Sections about documents: what is accepted and fetched, and how it is read and cut."""

import shutil
from pathlib import Path
from typing import Literal

from pydantic import Field

from rag_service.settings.section import Section

TESSERACT = "tesseract"


class UploadSettings(Section):
    """What is accepted."""

    max_file_bytes: int = Field(512 * 2**20, ge=1)
    max_request_bytes: int = Field(2 * 2**20, ge=1024, description="of every other request body")
    body_timeout_s: float = Field(60.0, gt=0, description="longest silence inside an upload")
    max_waiting_bytes: int = Field(64 * 2**30, ge=1, description="of files that wait to be read; more is put off (429)")
    max_waiting_bytes_per_tenant: int = Field(16 * 2**30, ge=1, description="the same, of one tenant")


class ParsingSettings(Section):
    """Limits of the child process that reads one file."""

    timeout_s: float = Field(120.0, gt=0)
    memory_bytes: int = Field(1536 * 2**20, ge=64 * 2**20)
    # 10,000 full pages. Embedding them takes a quarter of an hour on two cores, during which other files wait.
    max_text_chars: int = Field(25_000_000, ge=1)
    max_pages: int = Field(20_000, ge=1)
    max_unpacked_bytes: int = Field(512 * 2**20, ge=1)
    max_archive_entries: int = Field(1000, ge=1)
    max_archive_ratio: float = Field(100, ge=1)


class OcrSettings(Section):
    """Text recognition of PDF pages that have no text layer, by the program tesseract on the workers' machine."""

    mode: Literal["auto", "on", "off"] = Field(
        "auto", description="auto: where tesseract is installed; on: a worker without it does not start"
    )
    languages: str = Field(
        "eng", pattern=r"^\w+(\+\w+)*$", max_length=200, description="as tesseract names them, such as eng+deu"
    )
    page_timeout_s: float = Field(60.0, gt=0)
    file_timeout_s: float = Field(1800.0, gt=0, description="of all pages of a file, beside RAG_PARSING__TIMEOUT_S")

    @property
    def is_wanted(self) -> bool:
        """Whether the workers recognise text, as far as this machine can say."""
        return self.mode == "on" or (self.mode == "auto" and shutil.which(TESSERACT) is not None)


class ChunkingSettings(Section):
    """How texts are cut. Sizes in tokens of the embedding model, headings included."""

    target_tokens: int = Field(254, ge=32)
    overlap_tokens: int = Field(0, ge=0)
    heading_prefix: bool = True


class SourceSettings(Section):
    """What sources of documents may reach and use."""

    allow_private_addresses: bool = Field(
        False, description="sources may reach this machine and its private network, never link-local addresses"
    )
    folder_roots: tuple[Path, ...] = Field(
        (), description="folders of the workers' machine that sources may read, as a JSON list; none when empty"
    )
    max_items: int = Field(100_000, ge=1, description="of one source")
    max_total_bytes: int = Field(20 * 2**30, ge=1, description="of all items of one source, as far as it tells sizes")
    max_repository_bytes: int = Field(2 * 2**30, ge=1, description="of the copy of a git repository")
    request_timeout_s: float = Field(30.0, gt=0, description="longest silence of a source")
    listing_timeout_s: float = Field(3600.0, gt=0, description="how long the listing of a source may take")
    check_every_s: float = Field(60.0, gt=0, description="pause between two looks at which sources are due")
