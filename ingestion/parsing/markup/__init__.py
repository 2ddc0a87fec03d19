"""Text with marks: HTML, Markdown, reStructuredText, Org mode, and books of these."""
