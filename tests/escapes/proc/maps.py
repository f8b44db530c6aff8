# tries: the map of its own memory
# layer: kernel
def run(ctx, params):
    try:
        with open("/proc/self/maps", encoding="ascii") as file:
            return f"ESCAPED: {file.read(200)}"
    except OSError as error:
        return f"held: {error}"
