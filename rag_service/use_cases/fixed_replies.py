"""The only texts that leave without a citation."""

from rag_service.domain.versions import Corpus

ABSTENTION = "The documents do not say. The nearest passages are listed as sources."
NOTHING_FOUND = "The documents do not say: nothing in them comes near this question."


def greeting(corpus: Corpus) -> str:
    """Say what this corpus is about and what can be asked."""
    about = f" ({corpus.description.strip().rstrip('.')})" if corpus.description.strip() else ""
    return (
        f"Hello! I answer questions from the documents in “{corpus.name}”{about}. "
        "Every sentence of an answer names the passage it rests on, and when the documents do not say, so do I. "
        "Ask me about something they describe."
    )
