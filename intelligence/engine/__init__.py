"""Forecasts as arithmetic: plain Python, series in, values with bounds out. Nothing here reads the clock."""
