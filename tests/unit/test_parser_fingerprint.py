"""When the same bytes are read again."""

import pytest

from rag_service.domain.fingerprints import PARSER_FINGERPRINT, parsed_with_ocr, reads_alike

PLAIN, UNREAD, ENGLISH = PARSER_FINGERPRINT, parsed_with_ocr(""), parsed_with_ocr("eng")


@pytest.mark.parametrize(
    ("fingerprint", "languages", "again"),
    [
        (PLAIN, "", False),
        (PLAIN, "eng", False),
        (UNREAD, "", False),
        (UNREAD, "eng", True),
        (ENGLISH, "eng", False),
        (ENGLISH, "deu+eng", True),
        (ENGLISH, "", False),
        ("parsers-0", "eng", True),
        (ENGLISH.replace(PARSER_FINGERPRINT, "parsers-0"), "eng", True),
    ],
)
def test_a_file_is_read_again_for_other_parsers_and_for_recognition_that_it_needed(
    fingerprint: str, languages: str, again: bool
) -> None:
    assert reads_alike(fingerprint, PARSER_FINGERPRINT, ocr_languages=languages) is not again
