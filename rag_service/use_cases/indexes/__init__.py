"""Work on whole indexes, for operators: snapshots, rebuilds, and changing the engine under traffic."""
