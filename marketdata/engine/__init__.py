"""The arithmetic of the network and of its market: plain Python, numbers in and numbers out."""
