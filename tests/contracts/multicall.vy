# pragma version 0.4.3
# The one function of Multicall3 that ceos uses.

struct Call:
    target: address
    allowFailure: bool
    callData: Bytes[1024]

struct Result:
    success: bool
    returnData: Bytes[1024]


@external
@payable
def aggregate3(calls: DynArray[Call, 500]) -> DynArray[Result, 500]:
    results: DynArray[Result, 500] = []
    for call: Call in calls:
        success: bool = False
        returned: Bytes[1024] = b""
        success, returned = raw_call(call.target, call.callData, max_outsize=1024, revert_on_failure=False)
        assert success or call.allowFailure, "Multicall3: call failed"
        results.append(Result(success=success, returnData=returned))
    return results
