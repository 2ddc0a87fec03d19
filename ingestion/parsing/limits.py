"""What one parse may use. Plain values, so that the child process need not import the settings."""

from dataclasses import asdict, dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class ParsingLimits:
    """Limits of one file; see `ParsingSettings` and `OcrSettings` for their meaning. No program, no OCR.

    Without pandoc Org mode is plain text.
    """

    timeout_s: float = 120.0
    memory_bytes: int = 1536 * 2**20
    max_text_chars: int = 25_000_000
    max_pages: int = 20_000
    max_unpacked_bytes: int = 512 * 2**20
    max_archive_entries: int = 1000
    max_archive_ratio: float = 100
    pandoc_program: str = ""
    ocr_program: str = ""
    ocr_languages: str = ""
    ocr_page_timeout_s: float = 0.0
    ocr_file_timeout_s: float = 0.0

    def as_dict(self) -> dict[str, float | str]:
        """Return the values by name, for the wire."""
        return asdict(self)
