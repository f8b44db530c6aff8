# pragma version 0.4.3
# A registry of agents as ERC-8004 has it: ids from 0, a URI and metadata for each, and the wallet under a reserved key.

event Transfer:
    sender: indexed(address)
    receiver: indexed(address)
    token_id: indexed(uint256)

event Registered:
    agentId: indexed(uint256)
    agentURI: String[2000]
    owner: indexed(address)

event MetadataSet:
    agentId: indexed(uint256)
    indexedMetadataKey: indexed(String[100])
    metadataKey: String[100]
    metadataValue: Bytes[1000]

event URIUpdated:
    agentId: indexed(uint256)
    newURI: String[2000]
    updatedBy: indexed(address)

struct MetadataEntry:
    metadataKey: String[100]
    metadataValue: Bytes[1000]

balanceOf: public(HashMap[address, uint256])
minted: public(uint256)
owners: HashMap[uint256, address]
uris: HashMap[uint256, String[2000]]
values: HashMap[uint256, HashMap[String[100], Bytes[1000]]]
# The order of the events in the standard's text; the contracts that are deployed have another one.
is_to_the_letter: bool


@deploy
def __init__(is_to_the_letter: bool):
    self.is_to_the_letter = is_to_the_letter


@internal
@view
def _owner(agentId: uint256) -> address:
    owner: address = self.owners[agentId]
    if owner == empty(address):
        raw_revert(abi_encode(agentId, method_id=method_id("ERC721NonexistentToken(uint256)")))
    return owner


@internal
@view
def _check(agentId: uint256, who: address):
    assert self._owner(agentId) == who, "Not authorized"


@internal
def _set(agentId: uint256, key: String[100], data: Bytes[1000]):
    self.values[agentId][key] = data
    log MetadataSet(agentId=agentId, indexedMetadataKey=key, metadataKey=key, metadataValue=data)


@internal
@pure
def _packed(account: address) -> Bytes[1000]:
    return slice(convert(account, bytes32), 12, 20)


@external
def register(agentURI: String[2000] = "", metadata: DynArray[MetadataEntry, 8] = []) -> uint256:
    agentId: uint256 = self.minted
    self.minted += 1
    self.owners[agentId] = msg.sender
    self.balanceOf[msg.sender] += 1
    self.uris[agentId] = agentURI
    log Transfer(sender=empty(address), receiver=msg.sender, token_id=agentId)
    if not self.is_to_the_letter:
        log Registered(agentId=agentId, agentURI=agentURI, owner=msg.sender)
    self._set(agentId, "agentWallet", self._packed(msg.sender))
    for entry: MetadataEntry in metadata:
        assert entry.metadataKey != "agentWallet", "reserved key"
        self._set(agentId, entry.metadataKey, entry.metadataValue)
    if self.is_to_the_letter:
        log Registered(agentId=agentId, agentURI=agentURI, owner=msg.sender)
    return agentId


@external
def transferFrom(sender: address, receiver: address, agentId: uint256):
    self._check(agentId, msg.sender)
    assert sender == msg.sender, "Not authorized"
    self.owners[agentId] = receiver
    self.balanceOf[sender] -= 1
    self.balanceOf[receiver] += 1
    log Transfer(sender=sender, receiver=receiver, token_id=agentId)
    self._set(agentId, "agentWallet", b"")


@external
def setAgentURI(agentId: uint256, newURI: String[2000]):
    self._check(agentId, msg.sender)
    self.uris[agentId] = newURI
    log URIUpdated(agentId=agentId, newURI=newURI, updatedBy=msg.sender)


@external
def setMetadata(agentId: uint256, metadataKey: String[100], metadataValue: Bytes[1000]):
    self._check(agentId, msg.sender)
    assert metadataKey != "agentWallet", "reserved key"
    self._set(agentId, metadataKey, metadataValue)


@external
@view
def getMetadata(agentId: uint256, metadataKey: String[100]) -> Bytes[1000]:
    return self.values[agentId][metadataKey]


@external
@view
def getAgentWallet(agentId: uint256) -> address:
    packed: Bytes[1000] = self.values[agentId]["agentWallet"]
    if len(packed) != 20:
        return empty(address)
    return convert(convert(slice(packed, 0, 20), bytes20), address)


@external
@view
def tokenURI(tokenId: uint256) -> String[2000]:
    self._owner(tokenId)
    return self.uris[tokenId]


@external
@view
def ownerOf(tokenId: uint256) -> address:
    return self._owner(tokenId)
