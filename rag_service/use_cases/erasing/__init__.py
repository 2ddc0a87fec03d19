"""Erasing a document, a person or a corpus: asked for, carried out store by store, and proved by a receipt."""
