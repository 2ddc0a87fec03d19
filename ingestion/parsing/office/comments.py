"""Comments on documents: read, because people answer questions in them, and told apart from the text."""


def comment_text(text: str, *, author: str = "", place: str = "") -> str:
    """Return a comment as a line that says what it is; nothing when it is empty."""
    said_by = f" by {author}" if author else ""
    said_on = f" on {place}" if place else ""
    return f"Comment{said_by}{said_on}: {text.strip()}" if text.strip() else ""
