"""Word files of other projects' tests, against what those expect of them."""

from pathlib import Path

from ingestion.parsing.limits import ParsingLimits
from ingestion.parsing.read import read_document
from tests.bench.formats import recall_and_precision, reference_of

# Where the reference has words that no reader can see in the file.
LEAST = {
    "equations.docx": 0.75,  # formulas as LaTeX: \frac, \left, \infty
    "table_with_equations.docx": 0.75,
    "docx_checkboxes.docx": 0.85,  # boxes as [x]
    "docx_page_header_footer_first_page.docx": 0.9,  # backslashes before underscores part a word into five
    "word_tables.docx": 0.9,  # cells that span columns are written once per column
    "drawingml.docx": 0.9,  # the kind of a chart, guessed from its picture
}


def test_word_files_are_read_as_their_projects_expect(shared_data: Path) -> None:
    recalls = {}
    for path in sorted(shared_data.rglob("*.docx")):
        reference = reference_of(path)
        with path.open("rb") as file:
            text = read_document(file, path.name, ParsingLimits()).text
        if reference is not None:
            recalls[path.name] = recall_and_precision(text, reference)[0]

    assert {name: recall for name, recall in recalls.items() if recall < LEAST.get(name, 0.95)} == {}
    assert len(recalls) > len(LEAST)
