"""Formats without a reader of their own, XML so far: made into plain pages, which unstructured turns into elements."""
