"""The steps of an answer, and what simultaneous and repeated questions share."""
