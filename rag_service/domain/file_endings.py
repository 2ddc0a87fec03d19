"""Which files people may upload, by the endings of their names."""

READ_ENDINGS = (
    ".md", ".markdown", ".html", ".htm", ".xhtml", ".txt", ".text", ".rst", ".org",
    ".pdf", ".docx", ".pptx", ".xlsx", ".odt", ".rtf", ".epub",
    ".xml", ".nxml", ".csv", ".tsv", ".json", ".jsonl", ".ndjson", ".eml", ".msg", ".zip",
)  # fmt: skip
"""Endings of the formats that are read. What a file is, its bytes decide; see `ingestion/parsing/sniff.py`."""
