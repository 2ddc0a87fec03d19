"""Work on whole indexes: their health is measured and mended, and operators keep, rebuild and move them."""
