"""Where market data come from. The addresses can be those of servers of your own (a mempool instance, a recorder)."""

from hashinsight.env import env_bool, env_int, env_str

# False: nothing is asked for; what is there stays, with its age.
MARKET_COLLECT = env_bool("MARKET_COLLECT", True)
MARKET_COINGECKO_URL = env_str("MARKET_COINGECKO_URL", "https://api.coingecko.com/api/v3")
# A key of CoinGecko's free plan; without one the service allows fewer calls.
MARKET_COINGECKO_KEY = env_str("MARKET_COINGECKO_KEY", "")
MARKET_BLOCKCHAIN_INFO_URL = env_str("MARKET_BLOCKCHAIN_INFO_URL", "https://api.blockchain.info")
MARKET_MEMPOOL_URL = env_str("MARKET_MEMPOOL_URL", "https://mempool.space/api")
# Seconds one call may take, and that lie between two calls to the same service.
MARKET_SECONDS = env_int("MARKET_SECONDS", 15, minimum=1, maximum=60)
MARKET_SPACING_SECONDS = env_int("MARKET_SPACING_SECONDS", 1, minimum=0, maximum=60)
# An answer older than this is stale; so many percent may lie between what sources say.
MARKET_STALE_MINUTES = env_int("MARKET_STALE_MINUTES", 45, minimum=5, maximum=1440)
MARKET_SPREAD_PERCENT = env_int("MARKET_SPREAD_PERCENT", 5, minimum=1, maximum=50)
