"""Modules that the course hands out with its notebooks, sent into the sandbox as text; nothing here imports them."""
