"""What the settings let the parser's process use; programs are looked for here, once, when a worker starts."""

import shutil
import subprocess
from dataclasses import replace
from typing import Final

from ingestion.parsing.limits import ParsingLimits
from ingestion.parsing.ocr.tesseract import installed_languages
from ingestion.parsing.programs import ORG_TO_HTML
from rag_service.errors import Misconfigured
from rag_service.settings import TESSERACT, OcrSettings, Settings

_PANDOC: Final = "pandoc"
_TRIAL_S: Final = 30.0


def parsing_limits(settings: Settings) -> ParsingLimits:
    """Return the limits of one parse.

    Raises:
        Misconfigured: text recognition is wanted, and the program or a language is missing.
    """
    ocr = settings.ocr
    limits = ParsingLimits(**settings.parsing.model_dump(), pandoc_program=_pandoc())
    if not ocr.is_wanted:
        return limits
    return replace(
        limits,
        ocr_program=_program(ocr),
        ocr_languages=ocr.languages,
        ocr_page_timeout_s=ocr.page_timeout_s,
        ocr_file_timeout_s=ocr.file_timeout_s,
    )


def _pandoc() -> str:
    """Return where pandoc is; nothing where there is none, or one that is too old to read files of strangers."""
    program = shutil.which(_PANDOC)
    if program is None:
        return ""
    try:
        subprocess.run([program, *ORG_TO_HTML], input=b"", capture_output=True, timeout=_TRIAL_S, check=True)  # noqa: S603  (the operator's program)
    except (subprocess.SubprocessError, OSError):
        return ""
    return program


def _program(ocr: OcrSettings) -> str:
    program = shutil.which(TESSERACT)
    if program is None:
        raise Misconfigured(
            "RAG_OCR__MODE is on, but tesseract is not installed. On Debian: apt install tesseract-ocr."
        )
    missing = sorted(set(ocr.languages.split("+")) - installed_languages(program))
    if missing:
        packages = " ".join(f"tesseract-ocr-{language.replace('_', '-').lower()}" for language in missing)
        raise Misconfigured(
            f"RAG_OCR__LANGUAGES: tesseract lacks {', '.join(missing)}. On Debian: apt install {packages}. "
            "Or set RAG_OCR__MODE=off to go without text recognition."
        )
    return program
