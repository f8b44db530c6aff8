# tries: exec, with the globals of the attacker's choice
# layer: language
def run(ctx, params):
    found = {}
    exec("import os\nfound = os.getpid()", found)
    return f"ESCAPED: {found['found']}"
