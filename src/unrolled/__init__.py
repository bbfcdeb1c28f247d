"""Recurrent networks you can read, check, see and run."""
