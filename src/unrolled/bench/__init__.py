"""This engine and its peers, timed side by side in one run; a judge, so nothing else in the package knows it."""
