"""Answers that people got: a sample is scored, and compared with the days before."""
