"""Models of time series: what comes next, and within which bounds."""
