# tries: reading and overwriting the cells that a method of ctx closes over
# layer: language
# grants: log
# plain: needs a closure in the sandbox's own code
def run(ctx, params):
    cells = getattr(ctx.log, "__closure" + "__")
    return f"ESCAPED: {[cell.cell_contents for cell in cells]}"
