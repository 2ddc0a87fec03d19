"""The process that reads strangers' files, and what watches it."""
