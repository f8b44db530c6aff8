# tries: a code object with instructions of the attacker's
# layer: kernel
def run(ctx, params):
    def victim():
        return 1

    victim.__code__ = victim.__code__.replace(co_code=b"\x64\x00" * 4 + b"\x53\x00", co_consts=())
    return f"held: {victim()!r:.40}"
