"""Runs as traces, for Langfuse, Phoenix and whatever else receives OTLP over HTTP."""
