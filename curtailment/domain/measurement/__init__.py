"""Events: what a curtailment did, measured afterwards."""
