"""The loop that drives data, model, loss and optimizer; knows models by a small protocol only."""
