"""The character language model, how it is trained on a text, and how it writes."""
