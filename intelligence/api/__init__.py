"""Forecasts, the calculator and what people reckon with, for programs."""
