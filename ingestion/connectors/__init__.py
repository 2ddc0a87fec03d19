"""Where documents come from besides uploads: each connector lists what a source holds and fetches it."""
