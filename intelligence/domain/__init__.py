"""Every write to the intelligence tables, and the questions asked of them twice."""
