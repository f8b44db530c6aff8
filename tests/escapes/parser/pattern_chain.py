# tries: a pattern of twenty thousand alternatives
# layer: both
# expand: PATTERNS = "1|" * 20000
def run(ctx, params):
    match params:
        case PATTERNS1:
            return "held: matched"
    return "held: no match"
