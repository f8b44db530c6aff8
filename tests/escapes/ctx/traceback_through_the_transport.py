# tries: the traceback of a failed call, which runs through the transport
# layer: language
# grants: memory
def run(ctx, params):
    try:
        ctx.memory_get({1, 2})
    except Exception as error:
        step = error.__traceback__.tb_next
        return f"ESCAPED: {step.tb_frame.f_globals['__name__']}"
