# pragma version 0.4.3
# Feedback on agents as ERC-8004 has it: numbered from 1 for each agent and client, averaged over clients one names.

interface Registry:
    def ownerOf(tokenId: uint256) -> address: view

event NewFeedback:
    agentId: indexed(uint256)
    clientAddress: indexed(address)
    feedbackIndex: uint64
    number: int128
    valueDecimals: uint8
    indexedTag1: indexed(String[64])
    tag1: String[64]
    tag2: String[64]
    endpoint: String[200]
    feedbackURI: String[200]
    feedbackHash: bytes32

event FeedbackRevoked:
    agentId: indexed(uint256)
    clientAddress: indexed(address)
    feedbackIndex: indexed(uint64)

struct Feedback:
    number: int128
    valueDecimals: uint8
    tag1: String[64]
    tag2: String[64]
    isRevoked: bool

MOST: constant(uint256) = 64

getIdentityRegistry: public(address)
clients: HashMap[uint256, DynArray[address, MOST]]
getLastIndex: public(HashMap[uint256, HashMap[address, uint64]])
given: HashMap[uint256, HashMap[address, HashMap[uint64, Feedback]]]


@deploy
def __init__(registry: address):
    self.getIdentityRegistry = registry


@external
def giveFeedback(agentId: uint256, number: int128, valueDecimals: uint8, tag1: String[64], tag2: String[64], endpoint: String[200], feedbackURI: String[200], feedbackHash: bytes32):
    assert valueDecimals <= 18, "too many decimals"
    assert abs(convert(number, int256)) <= 10**38, "value too large"
    assert staticcall Registry(self.getIdentityRegistry).ownerOf(agentId) != msg.sender, "Self-feedback not allowed"
    index: uint64 = self.getLastIndex[agentId][msg.sender] + 1
    if index == 1:
        self.clients[agentId].append(msg.sender)
    self.getLastIndex[agentId][msg.sender] = index
    self.given[agentId][msg.sender][index] = Feedback(number=number, valueDecimals=valueDecimals, tag1=tag1, tag2=tag2, isRevoked=False)
    log NewFeedback(agentId=agentId, clientAddress=msg.sender, feedbackIndex=index, number=number, valueDecimals=valueDecimals, indexedTag1=tag1, tag1=tag1, tag2=tag2, endpoint=endpoint, feedbackURI=feedbackURI, feedbackHash=feedbackHash)


@external
def revokeFeedback(agentId: uint256, feedbackIndex: uint64):
    assert 0 < feedbackIndex and feedbackIndex <= self.getLastIndex[agentId][msg.sender], "index out of bounds"
    self.given[agentId][msg.sender][feedbackIndex].isRevoked = True
    log FeedbackRevoked(agentId=agentId, clientAddress=msg.sender, feedbackIndex=feedbackIndex)


@external
@view
def getClients(agentId: uint256) -> DynArray[address, MOST]:
    return self.clients[agentId]


@external
@view
def readFeedback(agentId: uint256, clientAddress: address, feedbackIndex: uint64) -> (int128, uint8, String[64], String[64], bool):
    found: Feedback = self.given[agentId][clientAddress][feedbackIndex]
    return found.number, found.valueDecimals, found.tag1, found.tag2, found.isRevoked


@external
@view
def getSummary(agentId: uint256, clientAddresses: DynArray[address, MOST], tag1: String[64], tag2: String[64]) -> (uint64, int128, uint8):
    assert len(clientAddresses) > 0, "clientAddresses required"
    count: int256 = 0
    total: int256 = 0
    decimals: uint8[19] = empty(uint8[19])
    for client: address in clientAddresses:
        for i: uint256 in range(convert(self.getLastIndex[agentId][client], uint256), bound=64):
            one: Feedback = self.given[agentId][client][convert(i + 1, uint64)]
            if one.isRevoked or (tag1 != "" and tag1 != one.tag1) or (tag2 != "" and tag2 != one.tag2):
                continue
            count += 1
            total += convert(one.number, int256) * convert(10 ** convert(18 - one.valueDecimals, uint256), int256)
            decimals[one.valueDecimals] += 1
    if count == 0:
        return 0, 0, 0
    usual: uint256 = 0
    for i: uint256 in range(19):
        if decimals[i] > decimals[usual]:
            usual = i
    average: int256 = total // count // convert(10 ** (18 - usual), int256)
    return convert(count, uint64), convert(average, int128), convert(usual, uint8)
