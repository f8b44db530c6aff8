"""Amounts of ETH and tokens for people; pure."""

from __future__ import annotations


def whole(amount: int, decimals: int) -> str:
    """Return an amount of a token's smallest unit in whole tokens, exactly: whole(2_500_000, 6) is "2.5"."""
    digits = f"{abs(amount):0{decimals + 1}d}"
    cut = len(digits) - decimals
    text = f"{digits[:cut]}.{digits[cut:]}".rstrip("0").rstrip(".") if decimals else digits
    return f"-{text}" if amount < 0 else text


def ether(wei: int) -> str:
    """Return an amount of wei in ETH, exactly."""
    return whole(wei, 18)
