"""Every write to the market tables, and the questions asked of them twice."""
