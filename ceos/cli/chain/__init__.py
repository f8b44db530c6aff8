"""`ceos chain`: what agents do on Base."""
