"""Text, and where it comes from, made into batches of tokens; no model."""
