"""Models of whole sequences: a label or a number for each, or for each of their steps."""
