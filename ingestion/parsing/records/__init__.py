"""Rows and records."""
