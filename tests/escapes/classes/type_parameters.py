# tries: type parameters evaluate their bounds in a scope that the policy does not see
# layer: language
# plain: only newer Pythons parse this
# expand: BRACKET = "[T: (().__class__.__base__)]" * 1
def helperBRACKET(value):
    return value


def run(ctx, params):
    return f"ESCAPED: {helper.__type_params__[0].__bound__}"
