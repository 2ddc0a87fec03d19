"""Sources of a corpus: what people do with them, and when they are synchronised."""
