"""The client of Neynar."""
