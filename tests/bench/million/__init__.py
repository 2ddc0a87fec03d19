"""Search in up to a million chunks: made-up chunks with real vectors' shape, real questions, exact scans to compare with."""
