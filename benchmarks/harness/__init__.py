"""Stand where the auctions' benchmarks stand: servers, auctions, load, figures."""
