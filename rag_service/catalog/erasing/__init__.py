"""How rows are erased: hidden at once, counted when they go, and looked for afterwards."""
