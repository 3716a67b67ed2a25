"""HashInsight: the back office of a Bitcoin-mining hosting company."""

import os

# Read when numpy is first loaded. Several processes that each start a thread per core for matrices of five rows wait
# for one another: a forecast's models then take ten times as long.
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
