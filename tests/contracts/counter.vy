# pragma version 0.4.3
# Counts, tells of it, refuses, and takes ETH: what most tests need of a contract.

event Counted:
    who: indexed(address)
    number: indexed(uint256)
    words: String[500]

count: public(uint256)
numbers: public(HashMap[address, uint256])


@external
@payable
def __default__():
    pass


@external
@payable
def increase(words: String[500] = ""):
    self.count += 1
    self.numbers[msg.sender] += 1
    log Counted(who=msg.sender, number=self.count, words=words)


@external
def many(times: uint256):
    for i: uint256 in range(times, bound=5000):
        self.count += 1
        log Counted(who=msg.sender, number=self.count, words="")


@external
def refuse(number: uint256):
    raw_revert(abi_encode(number, method_id=method_id("TooMuch(uint256)")))


@external
def refuse_in_words():
    raise "not today"


@external
@view
def echo(number: uint256, words: String[500], data: Bytes[500], numbers: DynArray[int128, 20]) -> (uint256, String[500], Bytes[500], DynArray[int128, 20]):
    return number, words, data, numbers
