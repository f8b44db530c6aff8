"""HTTP for the clients: requests with retries, fetching addresses of strangers safely, rate limits."""
