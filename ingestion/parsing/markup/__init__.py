"""Text with marks: HTML, Markdown, reStructuredText, and books of these."""
