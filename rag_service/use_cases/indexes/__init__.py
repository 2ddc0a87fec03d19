"""The health of indexes: what they find is measured, what they lack is mended, and how they are searched is set."""
