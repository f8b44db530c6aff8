# pragma version 0.4.3
# The part of the OP Stack's price oracle that ceos asks: 1,000 wei for each byte.

@external
@view
def getL1Fee(data: Bytes[10000]) -> uint256:
    return len(data) * 1000 + 1
