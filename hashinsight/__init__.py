"""HashInsight: the back office of a Bitcoin-mining hosting company."""
