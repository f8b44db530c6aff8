"""HTTP for the clients: requests with retries, safe fetching of untrusted addresses, rate limits."""
