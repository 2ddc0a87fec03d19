"""Formats without a reader of their own: made into plain pages, which unstructured turns into elements."""
