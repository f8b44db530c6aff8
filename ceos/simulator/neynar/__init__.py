"""The simulated Neynar."""
