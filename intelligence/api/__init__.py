"""Forecasts for programs."""
