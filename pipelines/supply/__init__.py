"""Supply: what is missing is ordered from generators, fetched, judged and tried."""
