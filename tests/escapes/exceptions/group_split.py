# tries: the methods of an exception group call functions of the attacker's on inner errors
# layer: language
def run(ctx, params):
    group = BaseExceptionGroup("group", [ValueError("inner")])
    return f"ESCAPED: {group.subgroup(lambda error: True).__traceback__ is None} {group.split.__self__.__class__}"
