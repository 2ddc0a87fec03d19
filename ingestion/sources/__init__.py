"""Synchronisation: a source is listed, compared with what was brought before, and what changed goes into a draft."""
